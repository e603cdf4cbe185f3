"""RelGAN's networks and its training step in plain PyTorch, to be timed against.

Run by ``python -m course_utils benchmark speed relgan --peer PYTHON`` with a Python that has PyTorch 2.13 (CPU). It
reads the name of a contestant and a number a line, and answers with the seconds of a call. The course does not depend
on it. The representations of a sentence are convolved as rows of a batch, which is faster on CPUs than the published
convolution over an image one representation wide.
"""

import math
import sys
import time

import torch

VOCABULARY, LENGTH, BATCH, START = 5_000, 20, 64, 0
EMBEDDING, HEADS, HEAD = 32, 2, 256
REPRESENTATIONS, WIDTHS, FILTERS, HIDDEN = 64, (2, 3, 4, 5), 300, 100
MINIBATCHES, SHARPNESS = 5, 1.0


class RelationalMemory(torch.nn.Module):
    """A memory of one slot, attention over it and the token, gates, and a linear layer to the vocabulary."""

    def __init__(self):
        super().__init__()
        width = HEADS * HEAD
        self.embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
        self.read = torch.nn.Linear(EMBEDDING, width)
        self.query = torch.nn.Linear(width, width, bias=False)
        self.key_value = torch.nn.Linear(width, 2 * width, bias=False)
        self.mlp = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, width))
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(width) for _ in range(2))
        self.gates_of_input = torch.nn.Linear(width, 2 * width, bias=False)
        self.gates_of_memory = torch.nn.Linear(width, 2 * width, bias=False)
        self.output = torch.nn.Linear(width, VOCABULARY)

    def initial(self, rows):
        memory = torch.zeros(rows, 1, HEADS * HEAD)
        memory[:, 0, 0] = 1.0
        return memory

    def forward(self, token, memory):
        x = self.read(self.embedding(token))[:, None]
        heads = (len(token), -1, HEADS, HEAD)
        query = self.query(memory).view(heads).transpose(1, 2)
        keys, values = self.key_value(torch.cat([memory, x], dim=1)).chunk(2, dim=2)
        keys, values = keys.reshape(heads).transpose(1, 2), values.reshape(heads).transpose(1, 2)
        weights = torch.softmax(query @ keys.transpose(2, 3) / math.sqrt(HEAD), dim=3)
        attended = (weights @ values).transpose(1, 2).reshape(memory.shape)
        update = self.norms[0](memory + attended)
        update = self.norms[1](update + self.mlp(update))
        enter, keep = (self.gates_of_input(x) + self.gates_of_memory(torch.tanh(memory))).chunk(2, dim=2)
        memory = torch.sigmoid(enter) * torch.tanh(update) + torch.sigmoid(keep + 1) * memory
        return self.output(memory.flatten(1)), memory


class Discriminator(torch.nn.Module):
    """Several embeddings, one convolutional network with a highway layer for all, a logit for each."""

    def __init__(self):
        super().__init__()
        features = len(WIDTHS) * FILTERS
        self.embedding = torch.nn.Parameter(torch.randn(VOCABULARY, REPRESENTATIONS) / math.sqrt(VOCABULARY))
        self.convolutions = torch.nn.ModuleList(torch.nn.Conv1d(1, FILTERS, width) for width in WIDTHS)
        self.highway = torch.nn.Linear(features, features, bias=False)
        self.gate = torch.nn.Linear(features, features, bias=False)
        self.dropout = torch.nn.Dropout(0.25)
        self.dense = torch.nn.Linear(features, HIDDEN)
        self.last = torch.nn.Linear(HIDDEN, 1)

    def forward(self, sentences):
        embedded = self.embedding[sentences] if sentences.dim() == 2 else sentences @ self.embedding
        rows = embedded.transpose(1, 2).reshape(-1, 1, LENGTH)
        features = torch.cat(
            [torch.relu(convolution(rows)).max(dim=2).values for convolution in self.convolutions], dim=1
        )
        gate = torch.sigmoid(self.gate(features))
        features = gate * torch.relu(self.highway(features)) + (1 - gate) * features
        return self.last(self.dense(self.dropout(features)))


def write(model):
    """Return soft sentences, each step reading the likeliest token of the one before."""
    token, memory, written = torch.full((BATCH,), START), model.initial(BATCH), []
    for _ in range(LENGTH):
        logits, memory = model(token, memory)
        noise = -torch.log(-torch.log(torch.rand_like(logits).clamp_min(1e-30)))
        soft = torch.softmax(SHARPNESS * (logits + noise), dim=1)
        token = soft.argmax(dim=1)
        written.append(soft)
    return torch.stack(written, dim=1)


def descend(network, optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()


def compare(better, worse):
    return torch.nn.functional.softplus(worse - better).mean()


def step(model, judge, optimizers, real):
    """One step of the generator, then those of the discriminator against new sentences."""
    judge.eval()
    judge.requires_grad_(False)  # its weights' gradients are not needed here
    loss = compare(judge(write(model)), judge(real[:BATCH]))
    judge.requires_grad_(True)
    descend(model, optimizers[0], loss)
    judge.train()
    for part in real.split(BATCH):
        with torch.no_grad():
            written = write(model)
        descend(judge, optimizers[1], compare(judge(part), judge(written)))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]))
    model, judge = RelationalMemory(), Discriminator()
    optimizers = [torch.optim.Adam(network.parameters(), lr=1e-4) for network in (model, judge)]
    real = torch.randint(VOCABULARY, (MINIBATCHES * BATCH, LENGTH))
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        name, times = line.split()
        if name != "step":
            raise ValueError(f"The only contestant is step. Received: {name}.")
        began = time.perf_counter()
        for _ in range(int(times)):
            step(model, judge, optimizers, real)
        print((time.perf_counter() - began) / int(times), flush=True)


if __name__ == "__main__":
    main()
