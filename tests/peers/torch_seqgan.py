"""SeqGAN's reward and discriminator in plain PyTorch, as its public implementations have them, to be timed against.

Run by ``python -m course_utils benchmark speed seqgan --peer PYTHON`` with a Python that has PyTorch 2.13 (CPU). It
reads the name of a contestant and a number a line, and answers with the seconds of a call. The course does not depend
on it.
"""

import sys
import time

import torch
from torch_sequences import BATCH, LENGTH, ROLLOUTS, VOCABULARY, LanguageModel, rollouts

EMBEDDING = 64
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


class Discriminator(torch.nn.Module):
    """Convolutions over whole embeddings, the maximum over time, a highway layer, dropout, two logits."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(1, filters, (width, EMBEDDING)) for width, filters in zip(WIDTHS, FILTERS, strict=True)
        )
        self.highway = torch.nn.Linear(sum(FILTERS), sum(FILTERS))
        self.gate = torch.nn.Linear(sum(FILTERS), sum(FILTERS))
        self.dropout = torch.nn.Dropout(0.25)
        self.output = torch.nn.Linear(sum(FILTERS), 2)

    def forward(self, tokens):
        embedded = self.embedding(tokens)[:, None]
        features = [torch.relu(convolution(embedded))[..., 0].amax(dim=2) for convolution in self.convolutions]
        features = torch.cat(features, dim=1)
        gate = torch.sigmoid(self.gate(features))
        features = gate * torch.relu(self.highway(features)) + (1 - gate) * features
        return self.output(self.dropout(features))


@torch.no_grad()
def score(judge, sentences):
    """Score a batch for each repetition and position, and once whole."""
    judge.eval()
    for _ in range(ROLLOUTS * (LENGTH - 1) + 1):
        torch.softmax(judge(sentences), dim=1)


def learn(judge, optimizer, sentences, labels):
    judge.train()
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(judge(sentences), labels).backward()
    optimizer.step()


def main():
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]))
    model, judge = LanguageModel(), Discriminator()
    optimizer = torch.optim.Adam(judge.parameters(), lr=1e-4)
    sentences = torch.randint(VOCABULARY, (BATCH, LENGTH))
    labels = torch.arange(BATCH) % 2
    contestants = {
        "generation": lambda: rollouts(model, sentences),
        "scoring": lambda: score(judge, sentences),
        "discriminator": lambda: learn(judge, optimizer, sentences, labels),
    }
    learn(judge, optimizer, sentences, labels)  # Adam's moments are made at the first step
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        name, times = line.split()
        began = time.perf_counter()
        for _ in range(int(times)):
            contestants[name]()
        print((time.perf_counter() - began) / int(times), flush=True)


if __name__ == "__main__":
    main()
