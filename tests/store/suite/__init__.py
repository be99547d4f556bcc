"""What every store has to do, whatever it keeps turns in; see C{whole.py}."""
