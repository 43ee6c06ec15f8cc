"""Reads `template.yaml`."""

import pathlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Template(yaml.SafeLoader):
    """Takes an intrinsic function for its argument."""


def argument(loader, _, node):
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


Template.add_multi_constructor("!", argument)


def section(name):
    return yaml.load((ROOT / "template.yaml").read_text(), Template)[name]


def parameters():
    """Declarations by name."""
    return section("Parameters")


def resources_of_type(name):
    """Declarations by logical id."""
    return {logical: it for logical, it in section("Resources").items() if it["Type"] == name}
