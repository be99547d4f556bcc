"""Packaging: what chatmockd needs, what it installs, where its plugin goes."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION: dict[str, str] = {}
exec((HERE / "chatmockd" / "_version.py").read_text(encoding="utf-8"), VERSION)

setup(
    name="chatmockd",
    version=VERSION["__version__"],
    description=(
        "A daemon that serves the OpenAI Responses API over HTTP and carries it "
        "over retained upstream WebSockets"
    ),
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    # Twisted finds plugins by path, so twisted/plugins ships as a package without an
    # __init__.py of its own; automatic discovery would stumble over it.
    packages=[*find_packages(include=["chatmockd", "chatmockd.*"]), "twisted.plugins"],
    package_data={"chatmockd": ["py.typed"]},
    install_requires=[
        "Twisted[tls]>=26.10.0",
        # core/cut.py works ahead of Autobahn's parser, and its test holds it against
        # that parser: a new major version is looked at before it is let in.
        "autobahn[twisted]>=26.10.2,<27",
        "klein>=24.8.0",
        "treq>=26.7",
        "rich>=14",
        "msgspec>=0.19",
        "Automat>=25.4.16",
        "zope.interface>=7",
        "zstandard>=0.23",
    ],
    entry_points={"console_scripts": ["chatmockd = chatmockd.cli:main"]},
    extras_require={
        "test": [
            "pytest>=9.0",
            "pytest-twisted>=1.14.3",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "h11>=0.16",
            "trustme>=1.2",
            "openai>=3.50",
            "ollama>=0.6",
            # What ollama's httpx stands on: the releases before want an older h11, and
            # pip tries all of these before it gives up.
            "httpcore>=1.0.9",
            "langchain-openai>=1.7",
            # For openai's `responses.connect`, which its own extra `realtime` is for.
            "websockets>=13,<16",
            "ruff>=0.17,<0.18",
            "mypy>=2.4,<2.5",
            "mypy-zope>=1.0.17",
            "setuptools>=77",
        ],
    },
    # The default editable mode uses an import hook that is not on sys.path, where
    # Twisted looks for plugins: `twistd chatmockd` would not exist.
    options={"editable_wheel": {"mode": "compat"}},
    zip_safe=False,
)
