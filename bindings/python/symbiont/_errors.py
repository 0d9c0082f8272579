"""How this package fails."""


class Error(Exception):
    """Something failed; ``code`` says what in the words of gRPC: "INVALID_ARGUMENT"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Stopped(SystemExit):
    """The runner wants no more steps, in the middle of an epoch: the script ends here, well."""

    def __init__(self, reason: str) -> None:
        super().__init__(0)
        self.reason = reason


class RunnerGone(SystemExit):
    """The runner has gone and nobody wants the result: the script ends with exit code 5."""

    def __init__(self) -> None:
        super().__init__(5)
