"""Reference numbers for the trainer and for SLAO, computed without any of the product's code.

    python3 tools/golden/training_reference.py > tests/Engine.Tests/Golden/training.json

Needs PyTorch only (Debian: apt-get install python3-torch). Everything is float64. The model, the rows and the first A are made by an
integer formula that the test repeats, so neither weights nor rows have to be stored.
"""
import json
import math

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

CONFIG = {
    "model_type": "llama", "vocab_size": 48, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 6, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "tie_word_embeddings": True, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
}
RANK, ALPHA = 3, 6.0
TRAINING = {"learning_rate": 0.01, "steps": 10, "warmup_fraction": 0.2, "schedule": "linear", "weight_decay": 0.1, "max_grad_norm": 0.5}
ROWS_PER_TASK, TASKS = 6, 3
MASK32 = 0xFFFFFFFF


def noise(stream, count):
    """`count` numbers in [-0.5, 0.5): an integer hash of stream and position, the same in every language."""
    out = []
    for k in range(count):
        x = (stream * 0x9E3779B9 + k * 0x85EBCA6B + 0x1234567) & MASK32
        x ^= x >> 16
        x = (x * 0x7FEB352D) & MASK32
        x ^= x >> 15
        x = (x * 0x846CA68B) & MASK32
        x ^= x >> 16
        out.append(x / 2.0**32 - 0.5)
    return out


def matrix(stream, rows, columns, scale):
    return torch.tensor(noise(stream, rows * columns)).reshape(rows, columns) * scale


def make_model():
    c = CONFIG
    d, f, h, g, k = c["hidden_size"], c["intermediate_size"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
    weights, linears = {"model.embed_tokens.weight": matrix(1, c["vocab_size"], d, 2.0)}, []
    weights["model.norm.weight"] = 1.0 + matrix(2, 1, d, 0.4)[0]
    stream = 10
    for layer in range(c["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            weights[prefix + name + ".weight"] = 1.0 + matrix(stream, 1, d, 0.4)[0]
            stream += 1
        for name, rows, columns in (("self_attn.q_proj", h * k, d), ("self_attn.k_proj", g * k, d), ("self_attn.v_proj", g * k, d),
                                    ("self_attn.o_proj", d, h * k), ("mlp.gate_proj", f, d), ("mlp.up_proj", f, d), ("mlp.down_proj", d, f)):
            weights[prefix + name + ".weight"] = matrix(stream, rows, columns, 2.0 / math.sqrt(columns))
            linears.append((prefix + name, rows, columns))
            stream += 1
    return weights, linears


def make_rows(task):
    """Rows of 6 to 11 tokens; the last 2 to 4 of each are trained."""
    rows = []
    for r in range(ROWS_PER_TASK):
        length, trained = 6 + (r + task) % 6, 2 + r % 3
        ids = [int((u + 0.5) * CONFIG["vocab_size"]) for u in noise(1000 + 100 * task + r, length)]
        rows.append((ids, trained))
    return rows


def rms_norm(x, weight):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]) * weight


def rotate(x):
    """x: [heads, T, K]; pairs are (i, i + K/2)."""
    half = x.shape[-1] // 2
    steps = torch.arange(x.shape[1], dtype=torch.float64)[:, None]
    angle = steps * CONFIG["rope_theta"] ** (-torch.arange(half, dtype=torch.float64)[None] / half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * torch.cos(angle) - b * torch.sin(angle), b * torch.cos(angle) + a * torch.sin(angle)], -1)


def logits(weights, lora, ids):
    """One row at a time, no padding, no cache: [T, V]."""
    c = CONFIG
    heads, groups, width = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]

    def linear(path, x):
        a, b = lora[path]
        return x @ weights[path + ".weight"].T + (ALPHA / RANK) * ((x @ a.T) @ b.T)

    x = weights["model.embed_tokens.weight"][torch.tensor(ids)]
    count = len(ids)
    allowed = torch.ones(count, count).tril().bool()
    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        n = rms_norm(x, weights[p + "input_layernorm.weight"])
        q = rotate(linear(p + "self_attn.q_proj", n).reshape(count, heads, width).transpose(0, 1))
        k = rotate(linear(p + "self_attn.k_proj", n).reshape(count, groups, width).transpose(0, 1))
        v = linear(p + "self_attn.v_proj", n).reshape(count, groups, width).transpose(0, 1)
        mixed = []
        for head in range(heads):
            group = head // (heads // groups)
            scores = (q[head] @ k[group].T) / math.sqrt(width)
            mixed.append(torch.softmax(scores.masked_fill(~allowed, -math.inf), -1) @ v[group])
        x = x + linear(p + "self_attn.o_proj", torch.cat(mixed, -1))
        n = rms_norm(x, weights[p + "post_attention_layernorm.weight"])
        gate = linear(p + "mlp.gate_proj", n)
        x = x + linear(p + "mlp.down_proj", gate / (1 + torch.exp(-gate)) * linear(p + "mlp.up_proj", n))
    return rms_norm(x, weights["model.norm.weight"]) @ weights["model.embed_tokens.weight"].T


def mean_loss(weights, lora, rows):
    """Mean negative log-likelihood over the trained tokens of all rows together."""
    total, count = 0.0, 0
    for ids, trained in rows:
        table = torch.log_softmax(logits(weights, lora, ids), -1)
        for t in range(len(ids) - trained, len(ids)):
            total = total - table[t - 1, ids[t]]
            count += 1
    return total / count


def rate(step):
    o = TRAINING
    warmup = math.ceil(o["warmup_fraction"] * o["steps"])
    if step <= warmup:
        return o["learning_rate"] * step / warmup
    return o["learning_rate"] * (1 - (step - 1 - warmup) / (o["steps"] - warmup))


def fine_tune(weights, start, rows):
    lora = {path: (a.clone().requires_grad_(), b.clone().requires_grad_()) for path, (a, b) in start.items()}
    parameters = [p for pair in lora.values() for p in pair]
    optimiser = torch.optim.AdamW(parameters, lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=TRAINING["weight_decay"])
    losses, norms, rates, first = [], [], [], None
    for step in range(1, TRAINING["steps"] + 1):
        optimiser.zero_grad()
        loss = mean_loss(weights, lora, rows)
        loss.backward()
        if first is None:
            first = {path: {"a": flat(a.grad), "b": flat(b.grad)} for path, (a, b) in lora.items() if path in REPORTED}
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, TRAINING["max_grad_norm"])))
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        optimiser.step()
        losses.append(float(loss))
        rates.append(rate(step))
    return {path: (a.detach(), b.detach()) for path, (a, b) in lora.items()}, {"losses": losses, "grad_norms": norms, "rates": rates, "first_gradients": first}


def orthonormal(a):
    """Modified Gram-Schmidt twice over, not LAPACK: rows q_j with q_j . a_j >= 0, which is QR with a non-negative diagonal."""
    rows = []
    for row in a:
        for _ in range(2):
            for q in rows:
                row = row - (q @ row) * q
        rows.append(row / row.norm())
    # Householder QR with the sign fix spans the same nested subspaces with the same orientation.
    return torch.stack(rows)


def flat(t):
    return [float(f"{v:.9g}") for v in t.detach().reshape(-1)]


REPORTED = ("model.layers.0.self_attn.q_proj", "model.layers.0.mlp.down_proj", "model.layers.1.self_attn.v_proj", "model.layers.1.mlp.gate_proj")


def main():
    weights, linears = make_model()
    lora = {path: (matrix(500 + i, RANK, columns, 2.0 / math.sqrt(columns)), torch.zeros(rows, RANK)) for i, (path, rows, columns) in enumerate(linears)}
    merged, tasks = None, []
    for i in range(1, TASKS + 1):
        if i > 1:
            lora = {path: (orthonormal(a), b) for path, (a, b) in lora.items()}
        start = {path: {"a": flat(a), "b": flat(b)} for path, (a, b) in lora.items() if path in REPORTED}
        lora, curve = fine_tune(weights, lora, make_rows(i))
        weight = 1 / math.sqrt(i)
        if merged is None:
            merged = {path: torch.zeros_like(b) for path, (a, b) in lora.items()}
        merged = {path: merged[path] * (1 - weight) + weight * b for path, (a, b) in lora.items()}
        end = {path: {"a_ft": flat(a), "b_ft": flat(b), "b_merge": flat(merged[path])} for path, (a, b) in lora.items() if path in REPORTED}
        tasks.append({"lambda": weight, "start": start, **curve, "end": end})
    print(json.dumps({"made_by": "tools/golden/training_reference.py", "config": CONFIG, "rank": RANK, "alpha": ALPHA, "training": TRAINING,
                      "rows_per_task": ROWS_PER_TASK, "tasks": tasks}, indent=None, separators=(",", ":")))


main()
