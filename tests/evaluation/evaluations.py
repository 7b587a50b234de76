"""Evaluations made up for the tests."""

import numpy as np

from striate.tasks.classification.results import make_evaluation
from striate.tasks.results import About


def of_matrix(matrix, split="test", names=None, sure=0.9, model="net.safetensors", trained_on=0):
    """An evaluation with this confusion matrix; every answer is given with probability `sure`."""
    matrix = np.asarray(matrix)
    classes = len(matrix)
    names = names or [f"class {at}" for at in range(classes)]
    pairs = [
        (true, said)
        for true in range(classes)
        for said in range(classes)
        for _ in range(matrix[true, said])
    ]
    probabilities = np.full((len(pairs), classes), (1 - sure) / (classes - 1))
    for row, (_, said) in enumerate(pairs):
        probabilities[row, said] = sure
    labels = [true for true, _ in pairs]
    paths = [f"{names[true]}/{row}.png" for row, true in enumerate(labels)]
    about = About(model, split, tuple(paths), trained_on)
    return make_evaluation(probabilities, labels, names, about)


def drawn(classes, images, split="test", names=None, seed=3):
    """An evaluation of random answers, most of them right."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, images)
    scores = draw.normal(size=(images, classes))
    scores[np.arange(images), labels] += 3
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = names or [f"class {at}" for at in range(classes)]
    paths = [f"{names[label]}/{row}-{names[label]}.png" for row, label in enumerate(labels)]
    about = About("net.safetensors", split, tuple(paths), 0)
    return make_evaluation(probabilities, labels, names, about)
