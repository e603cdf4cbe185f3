"""The same LSTM language model in plain PyTorch, as a peer to be timed against.

Run by ``python -m course_utils benchmark sequences --peer PYTHON`` with a Python that has PyTorch 2.13 (CPU). It reads
the name of a contestant a line, runs it once, and answers with its seconds. The course does not depend on it.
"""

import sys
import time

import torch

VOCABULARY, LENGTH, EMBEDDING, HIDDEN, BATCH = 5_000, 20, 32, 32, 64
SENTENCES, ROLLOUTS, START = 10_000, 16, 0
ROWS = 1_024  # rows sampled at a time, as the course does


class LanguageModel(torch.nn.Module):
    """Embedding, LSTM, linear layer to the vocabulary."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
        self.lstm = torch.nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.output = torch.nn.Linear(HIDDEN, VOCABULARY)

    def forward(self, tokens, state=None):
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.output(hidden), state


def by_multinomial(logits):
    """Draw a token a row as the published implementations do."""
    return torch.multinomial(torch.softmax(logits, dim=1), 1)


def by_inverse_cdf(logits):
    """Draw a token a row by one running sum and a binary search."""
    running = torch.softmax(logits, dim=1).cumsum(dim=1)
    target = torch.rand(len(logits), 1) * running[:, -1:]
    return torch.searchsorted(running, target).clamp_(max=VOCABULARY - 1)


@torch.no_grad()
def sample(model, rows, draw, prefix=None):
    """Return sentences (rows, LENGTH) that begin with the prefix; it is read again token by token."""
    token, state, written = torch.full((rows, 1), START), None, []
    for position in range(LENGTH):
        logits, state = model(token, state)
        given = prefix is not None and position < prefix.shape[1]
        token = prefix[:, position : position + 1] if given else draw(logits[:, 0])
        written.append(token)
    return torch.cat(written, dim=1)


def sample_all(model, draw):
    sizes = [min(ROWS, SENTENCES - done) for done in range(0, SENTENCES, ROWS)]
    return torch.cat([sample(model, rows, draw) for rows in sizes])


def rollouts(model, sentences):
    """Complete every prefix 16 times, one position and one repetition after the other."""
    for _ in range(ROLLOUTS):
        for length in range(1, LENGTH):
            sample(model, len(sentences), by_multinomial, sentences[:, :length])


def likelihood_step(model, optimizer, sentences):
    inputs = torch.cat([torch.full((BATCH, 1), START), sentences[:, :-1]], dim=1)
    logits, _ = model(inputs)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), sentences.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def main():
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]))
    model = LanguageModel()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    sentences = torch.randint(VOCABULARY, (BATCH, LENGTH))
    contestants = {
        "likelihood": lambda: likelihood_step(model, optimizer, sentences),
        "multinomial": lambda: sample_all(model, by_multinomial),
        "inverse_cdf": lambda: sample_all(model, by_inverse_cdf),
        "rollout": lambda: rollouts(model, sentences),
    }
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        name, times = line.split()
        began = time.perf_counter()
        for _ in range(int(times)):
            contestants[name]()
        print((time.perf_counter() - began) / int(times), flush=True)


if __name__ == "__main__":
    main()
