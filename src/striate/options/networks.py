"""The names of the zoo's networks, for whoever checks one before torch is loaded."""

from __future__ import annotations

import re

from striate.errors import unknown

NAMES = (
    *("mlp", "locally_connected", "lenet5", "lenet5_1998", "alexnet", "alexnet_2014", "zfnet"),
    *("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
    *("googlenet", "googlenet_bn", "inception_v2", "inception_v3", "inception_v4"),
    *("inception_resnet_v2", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnet20", "resnet32", "resnet44", "resnet56", "resnet110"),
    *("plain20", "plain32", "plain44", "plain56"),
    *("densenet121", "densenet169", "densenet201", "densenet161"),
    *("squeezenet1_0", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small"),
    *("mobilenet_v3_large", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
    *("conv_autoencoder", "fcn32s", "fcn16s", "fcn8s", "dcgan_generator", "dcgan_discriminator"),
)
_WORD = re.compile(r"[\w-]+(\(.*)?")


def check_network(name: str) -> None:
    """Raises OptionError where this can only be a name of the zoo and is none.

    Arguments behind it, and the names of other libraries, of files and of folders, are left to who
    builds the network.
    """
    if _WORD.fullmatch(name) and (word := name.partition("(")[0]) not in NAMES:
        raise unknown("network", word, NAMES)
