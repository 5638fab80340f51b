"""LoRA training in PyTorch, for comparison: with transformers and PEFT where they are installed, else a plain padded loop.

Reads a request as JSON on standard input (bench/Training/TrainingProgram.cs) and writes the figures as one line of JSON.
bf16 is what transformers' trainer makes of bf16=True: weights in bf16, autocast, the LoRA's weights in float32.
"""
import json
import math
import random
import resource
import sys
import time

import torch
import torch.nn.functional as F

IGNORE = -100


def with_peft(request, device, dtype):
    import peft
    import transformers

    config = transformers.LlamaConfig(**{key: value for key, value in request["config"].items() if key != "model_type"}, attn_implementation="sdpa", use_cache=False)
    torch.set_default_dtype(dtype)
    with torch.device(device):
        base = transformers.LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    targets = "all-linear" if request["targets"] == ["all-linear"] else request["targets"]
    model = peft.get_peft_model(base, peft.LoraConfig(r=request["rank"], lora_alpha=request["alpha"], target_modules=targets, lora_dropout=0.0, task_type="CAUSAL_LM"))
    model.to(device).train()

    def loss_sum(ids, labels, mask, tokens):
        return model(input_ids=ids, attention_mask=mask, labels=labels, num_items_in_batch=tokens).loss

    return model, loss_sum, f"PyTorch {torch.__version__}, transformers {transformers.__version__}, PEFT {peft.__version__}"


class LoraLinear(torch.nn.Module):
    def __init__(self, inputs, outputs, rank, scale, dtype, device):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(outputs, inputs, dtype=dtype, device=device) * 0.02, requires_grad=False)
        self.scale = scale
        if rank:
            self.a = torch.nn.Parameter(torch.empty(rank, inputs, device=device).uniform_(-1, 1) / math.sqrt(inputs))
            self.b = torch.nn.Parameter(torch.zeros(outputs, rank, device=device))
        self.rank = rank

    def forward(self, x):
        y = F.linear(x, self.weight)
        return y + F.linear(F.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype)) * self.scale if self.rank else y


class PlainBlock(torch.nn.Module):
    def __init__(self, config, linear, dtype, device):
        super().__init__()
        hidden, feed, width = config["hidden_size"], config["intermediate_size"], config["head_dim"]
        self.heads, self.groups, self.width, self.eps = config["num_attention_heads"], config["num_key_value_heads"], width, config["rms_norm_eps"]
        self.q_proj, self.k_proj = linear("q_proj", hidden, self.heads * width), linear("k_proj", hidden, self.groups * width)
        self.v_proj, self.o_proj = linear("v_proj", hidden, self.groups * width), linear("o_proj", self.heads * width, hidden)
        self.gate_proj, self.up_proj, self.down_proj = linear("gate_proj", hidden, feed), linear("up_proj", hidden, feed), linear("down_proj", feed, hidden)
        self.norms = torch.nn.ParameterList([torch.nn.Parameter(torch.ones(hidden, dtype=dtype, device=device), requires_grad=False) for _ in range(2)])

    def forward(self, x, cos, sin):
        rows, length, _ = x.shape
        n = norm(x, self.norms[0], self.eps)
        split = lambda y, count: y.view(rows, length, count, self.width).transpose(1, 2)
        q, k, v = rotate(split(self.q_proj(n), self.heads), cos, sin), rotate(split(self.k_proj(n), self.groups), cos, sin), split(self.v_proj(n), self.groups)
        k, v = (y.repeat_interleave(self.heads // self.groups, 1) for y in (k, v))
        x = x + self.o_proj(attend(q, k, v).transpose(1, 2).reshape(rows, length, -1))
        n = norm(x, self.norms[1], self.eps)
        return x + self.down_proj(F.silu(self.gate_proj(n)) * self.up_proj(n))


def norm(x, weight, eps):
    wide = x.float()
    return weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype)


def rotate(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def attend(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return torch.softmax(scores.masked_fill(torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1), float("-inf")), -1) @ v


def plain(request, device, dtype):
    config = request["config"]
    wanted = request["targets"]
    every = wanted == ["all-linear"]

    def linear(name, inputs, outputs):
        return LoraLinear(inputs, outputs, request["rank"] if every or name in wanted else 0, request["alpha"] / request["rank"], dtype, device)

    embedding = torch.randn(config["vocab_size"], config["hidden_size"], dtype=dtype, device=device) * 0.02
    head = embedding if config["tie_word_embeddings"] else torch.randn_like(embedding) * 0.02
    last = torch.ones(config["hidden_size"], dtype=dtype, device=device)
    blocks = torch.nn.ModuleList([PlainBlock(config, linear, dtype, device) for _ in range(config["num_hidden_layers"])])
    half = torch.arange(0, config["head_dim"], 2, device=device) / config["head_dim"]
    angles = torch.outer(torch.arange(max(request["lengths"]), device=device), 1.0 / config["rope_theta"] ** half).repeat(1, 2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)

    def loss_sum(ids, labels, mask, tokens):
        x = embedding[ids]
        for block in blocks:
            x = block(x, cos[: ids.shape[1]], sin[: ids.shape[1]])
        logits = F.linear(norm(x, last, config["rms_norm_eps"]), head).float()
        return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=IGNORE, reduction="sum") / tokens

    return blocks, loss_sum, f"PyTorch {torch.__version__}, plain"


def batch(sizes, vocabulary, draw, device):
    lengths = [length for length, _ in sizes]
    longest = max(lengths)
    rows = [[draw.randrange(3, vocabulary) for _ in range(length)] for length in lengths]
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows]).to(device)
    # What is trained stands at a row's end.
    labels = torch.tensor([
        [IGNORE] * (length - trained) + row[length - trained :] + [IGNORE] * (longest - length) for row, (length, trained) in zip(rows, sizes)
    ]).to(device)
    # Without a mask SDPA may take its fastest kernel; full rows need none.
    mask = None if min(lengths) == longest else torch.tensor([[1] * length + [0] * (longest - length) for length in lengths]).to(device)
    return ids, labels, mask


def main():
    request = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    device, dtype = torch.device(request["device"]), torch.bfloat16 if request["type"] == "bf16" else torch.float32
    on_gpu = device.type == "cuda"
    before = 0
    if on_gpu:
        free, total = torch.cuda.mem_get_info(device)
        before = total - free
    try:
        model, loss_sum, name = with_peft(request, device, dtype)
    except ImportError:
        model, loss_sum, name = plain(request, device, dtype)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0)
    draw, sizes, size, micro = random.Random(1), list(zip(request["lengths"], request["trained"])), request["batch"], request["microBatch"]
    order = list(range(len(sizes)))
    draw.shuffle(order)
    steps = [[sizes[row] for row in order[start : start + size]] for start in range(0, len(order), size)]
    prepared = [[batch(step[start : start + micro], request["config"]["vocab_size"], draw, device) for start in range(0, len(step), micro)] for step in steps]
    losses, seconds = [], []
    for rows, parts in zip(steps, prepared):
        began = time.perf_counter()
        tokens = sum(trained for _, trained in rows)
        total = 0.0
        for ids, labels, mask in parts:
            with torch.autocast(device.type, torch.bfloat16, enabled=on_gpu and dtype == torch.bfloat16):
                loss = loss_sum(ids, labels, mask, tokens)
            loss.backward()
            total = total + loss.detach()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(total))  # as the trainer that is compared with it: one look at the device a step
        if on_gpu:
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - began)
    warmup = request["warmup"]
    used = None
    if on_gpu:
        free, total_bytes = torch.cuda.mem_get_info(device)
        used = total_bytes - free - before
    print(json.dumps({
        "name": name,
        "tokensPerSecond": sum(length for step in steps[warmup:] for length, _ in step) / sum(seconds[warmup:]),
        "stepSeconds": seconds[warmup:],
        "losses": losses,
        "deviceBytes": used,
        "processBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


main()
