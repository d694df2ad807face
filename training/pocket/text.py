"""The CLIP text encoder (HF names below `text_model.`), only two layers of width 64."""

import torch
from torch import nn

VOCABULARY = 49408
POSITIONS = 77
START, END = 49406, 49407
UNTAUGHT = 0  # a token that no caption uses; its row stays zero, like those of all words that occur in no caption


class Embeddings(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.token_embedding = nn.Embedding(VOCABULARY, width, padding_idx=UNTAUGHT)
        self.position_embedding = nn.Embedding(POSITIONS, width)

    def forward(self, tokens):
        return self.token_embedding(tokens) + self.position_embedding.weight[: tokens.shape[1]]


class SelfAttention(nn.Module):
    """Causal attention of [N, T, C]."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        def split(tensor):
            return tensor.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        hidden = self.fc1(x)
        return self.fc2(hidden * torch.sigmoid(1.702 * hidden))  # quick_gelu


class Layer(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.self_attn = SelfAttention(width, heads)
        self.layer_norm1 = nn.LayerNorm(width)
        self.mlp = MLP(width)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class _Encoder(nn.Module):
    def __init__(self, width: int, heads: int, layers: int):
        super().__init__()
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])


class TextModel(nn.Module):
    """tokens [N, 77] -> [N, 77, width], the last layer after the final norm."""

    def __init__(self, width: int, layers: int):
        super().__init__()
        self.embeddings = Embeddings(width)
        self.encoder = _Encoder(width, max(1, width // 64), layers)
        self.final_layer_norm = nn.LayerNorm(width)
        nn.init.normal_(self.embeddings.position_embedding.weight, std=0.1)

    def keep_only(self, token_ids):
        """Zero the rows of all tokens but these: rows that no caption trains then compress to nothing."""
        table = self.embeddings.token_embedding.weight
        with torch.no_grad():
            kept = torch.zeros(VOCABULARY, 1)
            kept[sorted(token_ids)] = 1.0
            table.copy_(torch.randn(table.shape) * 0.5 * kept)

    def forward(self, tokens):
        x = self.embeddings(tokens)
        for layer in self.encoder.layers:
            x = layer(x)
        return self.final_layer_norm(x)
