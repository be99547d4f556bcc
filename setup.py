"""Packaging: what chatmockd needs, what it installs, where its plugin goes."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION: dict[str, str] = {}
exec((HERE / "chatmockd" / "_version.py").read_text(encoding="utf-8"), VERSION)


def _files(pattern: str) -> list[str]:
    """The files of this pattern, as setuptools wants them named."""
    return sorted(str(path.relative_to(HERE)) for path in HERE.glob(pattern))


setup(
    name="chatmockd",
    version=VERSION["__version__"],
    description=(
        "A daemon that serves the APIs of OpenAI and Ollama over HTTP and carries them "
        "over retained upstream WebSockets"
    ),
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    keywords="openai chatgpt responses websocket ollama proxy twisted",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: No Input/Output (Daemon)",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Internet :: Proxy Servers",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    # Twisted finds plugins by path, so twisted/plugins ships as a package without an
    # __init__.py of its own; automatic discovery would stumble over it.
    packages=[*find_packages(include=["chatmockd", "chatmockd.*"]), "twisted.plugins"],
    package_data={"chatmockd": ["py.typed"]},
    # Whoever installs a wheel has no tree to look into: these are in PREFIX/share then.
    data_files=[
        ("share/chatmockd", _files("etc/*")),
        ("share/doc/chatmockd", ["README.md", "CHANGELOG.md"]),
        ("share/doc/chatmockd/docs/clients", _files("docs/clients/*.md")),
    ],
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
