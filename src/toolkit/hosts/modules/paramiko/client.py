class MissingHostKeyPolicy:
    def missing_host_key(self, client, hostname, key):
        pass


class AutoAddPolicy(MissingHostKeyPolicy):
    pass


class RejectPolicy(MissingHostKeyPolicy):
    pass


class WarningPolicy(MissingHostKeyPolicy):
    pass
