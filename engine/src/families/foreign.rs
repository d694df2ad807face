//! Unsupported models that users often have in the same folders, so that the error message can name them.

use crate::weights::TensorFile;

/// Substrings of tensor names that identify a kind of model (all of them have to occur), and its name.
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

/// The description of an unsupported model, which completes "is ..."; `None` for other files.
pub fn identify(file: &TensorFile) -> Option<String> {
    let any = |part: &&str| file.names().any(|name| name.contains(*part));
    let (_, found) = MARKS.iter().find(|(marks, _)| marks.iter().all(&any))?;
    // A full CLIP model is usable: it contains the text encoder.
    let text = *found == "a CLIP image encoder" && any(&"text_model.encoder.layers.0.");
    (!text).then(|| format!("{found}, which is not supported"))
}
