//! Models that people have in the same folders and that cannot be used here, so that a refusal calls them by name.

use crate::weights::TensorFile;

/// Parts of names that only one kind of model has, all of which have to be there, and what it is.
const MARKS: [(&[&str], &str); 31] = [
    (&[".quant_state.bitsandbytes__"], "a model quantised to 4 bits (bitsandbytes)"),
    (&[".absmax", ".quant_map"], "a model quantised with bitsandbytes"),
    (&[".SCB"], "a model quantised to 8-bit integers (bitsandbytes)"),
    (&[".qweight", ".scales"], "a model quantised to integers (GPTQ or AWQ)"),
    (&["double_blocks.0.", "single_blocks.0.", "txt_in."], "a Flux or HunyuanVideo model"),
    (&["double_blocks.0.img_attn"], "a Flux model"),
    (&["single_transformer_blocks.0."], "a Flux model"),
    (&["joint_blocks.0."], "an SD3 model"),
    (&["transformer_blocks.0.attn.add_q_proj"], "an SD3 model"),
    (&["double_layers.0.", "cond_seq_linear"], "an AuraFlow model"),
    (&["clip_txt_mapper."], "a Stable Cascade model"),
    (&["clip_txt_pooled_mapper."], "a Stable Cascade model"),
    (&["clf.1.weight", "clip_mapper."], "a Stable Cascade model"),
    (&["adaln_single."], "a PixArt or LTX-Video model"),
    (&["csk_embedder", "y_embedder"], "a PixArt model"),
    (&["y_embedder.y_embedding"], "a PixArt model"),
    (&["mlp_t5.0."], "a HunyuanDiT model"),
    (&["time_stack.", "time_mixer"], "a Stable Video Diffusion model"),
    (&["temporal_transformer_blocks.0."], "a Stable Video Diffusion model"),
    (&["blocks.0.cross_attn.k.weight", "patch_embedding."], "a Wan model"),
    (&["cap_embedder.", "noise_refiner."], "a Lumina model"),
    (&["ip_adapter."], "an IP-Adapter"),
    (&["image_proj.", "to_k_ip"], "an IP-Adapter"),
    (&["adapter.body.0."], "a T2I-Adapter"),
    (&["body.0.resnets.0.block1."], "a T2I-Adapter"),
    (&["encoder.block.0.layer.0.SelfAttention."], "a T5 text encoder"),
    (&["vision_model.encoder.layers.0."], "a CLIP image encoder"),
    (&["conv_first.", "conv_last."], "an upscaler"),
    (&["model.1.sub.0.RDB1."], "an upscaler"),
    (&["image_encoder.trunk."], "a Segment-Anything model"),
    (&["image_encoder.neck."], "a Segment-Anything model"),
];

/// What a file is if it is one of those, to stand after "is".
pub fn identify(file: &TensorFile) -> Option<String> {
    let any = |part: &&str| file.names().any(|name| name.contains(*part));
    let (_, found) = MARKS.iter().find(|(marks, _)| marks.iter().all(&any))?;
    // The text tower of a whole CLIP can be used.
    let text = *found == "a CLIP image encoder" && any(&"text_model.encoder.layers.0.");
    (!text).then(|| format!("{found}, which is not supported"))
}
