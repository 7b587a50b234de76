"""Split names as words: Train, test1, training_set, valid-images.

They follow Hugging Face's `datasets`: dev is validation, eval is test
(https://huggingface.co/docs/datasets/repository_structure).
"""

from __future__ import annotations

import re

from striate.data.listing.samples import Split, fold_case

#: lower-case split name, of a folder or in a manifest -> split
SPLIT_NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
#: generic words, by which a folder name adds nothing to its parent's
FILLER = "sets?|data|images?|imgs?|pictures?|pics?|photos?|folders?|files?|splits?|parts?|samples?"
_LETTER = r"[^\W\d_]"
_WORDS = "|".join(sorted(SPLIT_NAMES, key=len, reverse=True))
_AROUND = rf"(?:{FILLER}|[\W\d_])*"
_WORD = re.compile(rf"(?<!{_LETTER}){_AROUND}({_WORDS})s?{_AROUND}(?!{_LETTER})")


def split_of(word: str) -> Split | None:
    """Return the split of a word such as Train, test1, training_set or valid-images."""
    split, rest = split_and_rest(word)
    return None if rest else split


def split_and_rest(name: str) -> tuple[Split | None, str]:
    """Return the only split that a name mentions, and its remaining letters."""
    text = fold_case(name)
    found = list(_WORD.finditer(text))
    splits: set[Split] = {SPLIT_NAMES[match[1]] for match in found}
    if len(splits) != 1:
        return None, text
    (split,) = splits
    return split, re.sub(r"[\W\d_]", "", _WORD.sub("", text))
