"""Words of the crypto room."""


class CryptoProblem(Exception):  # noqa: N818 - the message is a sentence for the officer
    """A cryptographic step can't be done or a token is not genuine; the message says which and what to do."""
