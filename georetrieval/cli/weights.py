"""`georetrieval weights`: weights that others made."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.group()
def command() -> None:
    """Make weights of others fit to be read.

    Weights are read from safetensors files only, which hold numbers and cannot run code. A .pth file is a pickle, and
    unpickling can run what it likes: convert it once.

    \b
    Examples:
      georetrieval weights convert resnet50_a1_0-14fe96d1.pth -o resnet50.safetensors
    """


@command.command("convert")
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The safetensors file to write.")
@click.option("--sums", type=click.Path(path_type=Path), help="List of checksums (SHA-256 or MD5) that FILE has to be "
              "in.")
def convert(source: Path, out: Path, sums: Path | None) -> None:
    """Convert pickled weights (.pth, .pt, .bin, .ckpt) into a safetensors file.

    FILE is read in a process of its own that can open no file and no connection and has memory for little more than
    FILE, by torch's unpickler for tensors and plain values; anything else is refused. Damage is noticed by the
    checksums of the zip that torch writes, by the hash that timm and torchvision put into names, and by --sums. The
    result carries its own checksum. Only Linux can lock a process up so: elsewhere this command says so and ends with
    5, and the safetensors file that a Linux machine made is read as it is.

    \b
    Examples:
      georetrieval weights convert resnet50_a1_0-14fe96d1.pth -o resnet50.safetensors
      georetrieval weights convert dino.pth -o dino.safetensors --sums SHA256SUMS
    """
    from georetrieval.errors import InputError
    from georetrieval.foreign import regular
    from georetrieval.geo.sums import Sums
    from georetrieval.nets.converting import convert as converted

    regular(source, "a file of weights")
    if sums is not None and (problem := Sums.read(sums).compare(source)[1]):
        what = "is not in the list" if problem == "listed" else "does not have the checksum of the list"
        raise InputError(f"{source} {what} {sums}; fetch it again.")
    done = converted(source, out)
    click.echo(f"{done.tensors} tensors" + (f", {done.left_out} other values left out" if done.left_out else ""),
               err=True)
    if not done.checked:
        click.echo(f"{source} has no checksums (an old format): whether it is damaged could not be told", err=True)
    click.echo(str(done.path))
