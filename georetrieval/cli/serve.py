"""`georetrieval serve`: an index shown in a browser."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("index")
@click.option("--tiles", multiple=True, type=click.Path(path_type=Path), help="Tiles whose pictures are shown; may be "
              "repeated. Tiles of other dates can be swiped to, and asked.")
@click.option("--evaluation", type=click.Path(path_type=Path), help="What `evaluate -o` wrote, or a run folder: its "
              "failures become a layer.")
@click.option("--model", metavar="RUN", help="Model, if it is not where the index remembers it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; any other than this "
              "machine's own demands a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--token", help="What every request has to bring; made up where one is needed and none is given.")
@click.option("--allow-host", "names", multiple=True, metavar="NAME", help="Another name by which the host is asked; "
              "may be repeated.")
@click.option("--public", metavar="URL", help="Address of a proxy that stands before this server and brings TLS, as "
              "https://gis.example; demands a token too.")
@click.option("--basemap", type=click.Choice(["ign"]), help="Let the page fetch IGN's map; without it nothing is "
              "fetched from anywhere.")
@click.option("--lang", type=click.Choice(["en", "fr"]), help="Language of the page; by default the browser's.")
@click.option("--open/--no-open", "open_", default=False, show_default=True, help="Open the page in a browser.")
@click.option("--check", is_flag=True, help="Say what would be shown, as JSON, and stop.")
def command(
    index: str, tiles: tuple[Path, ...], evaluation: Path | None, model: str | None, host: str, port: int,
    token: str | None, names: tuple[str, ...], public: str | None, basemap: str | None, lang: str | None, open_: bool,
    check: bool,
) -> None:
    """Show INDEX in a browser: its tiles on a map, and what looks like what.

    Click a tile or drop a picture to see its matches; filter by date and area; ask for more like this and less like
    that; swipe between dates; look at the failures of an evaluation, which is read when they are first asked for (or by
    --check); download answers. The address is printed on stdout. Only this machine is answered unless --host says
    otherwise, and nothing is fetched from elsewhere. When the index changes, the page says so and is loaded again. Stop
    with Ctrl-C. INDEX may be a table on a PostgreSQL server; its rows are read once.

    \b
    Examples:
      georetrieval serve town --tiles tiles/
      georetrieval serve town --tiles tiles/ --evaluation matches.gpkg --lang fr --open
      georetrieval serve town --tiles tiles/ --basemap ign --port 0
      georetrieval serve town --host 192.0.2.7 --token let-me-in-0123456789
      georetrieval serve town --tiles tiles/ --public https://gis.example
      georetrieval serve "postgresql://gis@db/land?table=town" --tiles tiles/
      georetrieval serve town --tiles tiles/ --check
    """
    import secrets

    from georetrieval.cli.queries import index_path
    from georetrieval.errors import MissingExtraError
    from georetrieval.search.postgres_address import Address, is_address

    where = Address.parse(index) if is_address(index) else index_path(index)
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("The explorer is an optional part; install it with pip install "
                                "'georetrieval[serve]'.") from error
    from georetrieval.search.row_source import called
    from georetrieval.serve.explorer import Explorer
    from georetrieval.serve.settings import LOOPBACK, Settings

    if (host not in LOOPBACK or public is not None) and token is None:
        token = secrets.token_urlsafe(24)
    settings = Settings(host=host, port=port, names=names, token=token, public=public, basemap=basemap, lang=lang)
    explorer = Explorer(where, settings, tiles=tiles, model=model, evaluation=evaluation)
    if check:
        from georetrieval.cli.output import write_value

        write_value(explorer.checked(), "json")
        return
    from georetrieval.serve.listening import listen

    def ready(address: str) -> None:
        click.echo(address)
        click.echo(f"{called(str(where))} is shown there. Stop with Ctrl-C.", err=True)
        if open_:
            click.launch(address)

    try:
        listen(explorer, ready)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
