"""`parameter_server.py COMMAND...`: runs a script of TensorFlow beside a parameter server of its host,
as TF_CONFIG has it. Ends as the script does; on a host that is not the master, when the master is
gone, too, since its workers may need this server."""
import json
import os
import socket
import subprocess
import sys
import time


def serve():
    import tensorflow as tf
    config = json.loads(os.environ["TF_CONFIG"])
    server = tf.distribute.Server(tf.train.ClusterSpec(config["cluster"]), job_name="ps",
                                  task_index=config["task"]["index"])
    server.join()


def answers(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
        return True
    except OSError:
        return False


def main():
    config = json.loads(os.environ["TF_CONFIG"])
    me = f"{socket.gethostname()}:"
    index = next(i for i, address in enumerate(config["cluster"]["ps"]) if address.startswith(me))
    server_config = dict(config, task={"type": "ps", "index": index})
    server = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--serve"],
                              env=dict(os.environ, TF_CONFIG=json.dumps(server_config)))
    code = subprocess.call(sys.argv[1:])
    if code == 0 and config["task"]["type"] != "master":
        while answers(config["cluster"]["master"][0]):
            time.sleep(float(os.environ.get("CLARY_MASTER_POLL", "10")))
    server.kill()
    server.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(serve() if sys.argv[1:] == ["--serve"] else main())
