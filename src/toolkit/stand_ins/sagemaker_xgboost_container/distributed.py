"""Training over the hosts of a job. A job has one host here, so that nothing has to be connected."""
import socket
import time


def wait_hostname_resolution(sm_hosts, timeout=900):
    """Blocks until every host's name has an address."""
    deadline = time.monotonic() + timeout
    for host in sm_hosts:
        while True:
            try:
                socket.gethostbyname(host)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)


def rabit_run(exec_fun, args, include_in_training, hosts, current_host, first_port=None,
              second_port=None, max_connect_attempts=None, connect_retry_timeout=10,
              update_rabit_args=False):
    """Calls exec_fun(**args) on each host that has data; "is_master" is added to args if asked."""
    if len(hosts) > 1:
        raise RuntimeError("rabit_run: the job has %d hosts, and training runs on one: set "
                           "instance_count=1" % len(hosts))
    if not include_in_training:
        raise RuntimeError("No hosts received training data.")
    arguments = dict(args)
    if update_rabit_args:
        arguments["is_master"] = True
    exec_fun(**arguments)
