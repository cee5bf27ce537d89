"""Python's own channels over TCP. The first line out names the ports of its servers; then a line of words in, a line of
JSON out. `through <manager port> <echo port>` says where the servers are reached from then on."""
import json
import multiprocessing
import queue
import sys
import threading
import time
from multiprocessing.connection import Client, Listener
from multiprocessing.managers import BaseManager, DictProxy

KEY = b"benchmark"
context = multiprocessing.get_context("fork")

the_queue = queue.Queue()
the_dict = {}
the_lock = threading.Lock()


class Server(BaseManager):
    pass


Server.register("queue", callable=lambda: the_queue, exposed=["put", "get"])
Server.register("dict", callable=lambda: the_dict, proxytype=DictProxy)
Server.register("lock", callable=lambda: the_lock, exposed=["acquire", "release"])


def connected(port):
    manager = Server(address=("127.0.0.1", port), authkey=KEY)
    manager.connect()
    return manager


def put(port, gate, ends, count, text):
    to = connected(port).queue()
    to.put(text)
    gate.wait()
    for _ in range(count):
        to.put(text)
    ends.put(time.monotonic())


def get(port, gate, ends, count):
    source = connected(port).queue()
    source.get()
    gate.wait()
    for _ in range(count):
        source.get()
    ends.put(time.monotonic())


def pass_items(port, count, size):
    """Items per second; the start and the connecting of the two processes are not counted."""
    gate = context.Barrier(3)
    ends = context.Queue()
    calls = [(put, (port, gate, ends, count, "x" * size if size else 1)), (get, (port, gate, ends, count))]
    children = [context.Process(target=target, args=args, daemon=True) for target, args in calls]
    for child in children:
        child.start()
    gate.wait()
    begin = time.monotonic()
    last = max(ends.get() for _ in children)
    for child in children:
        child.join()
    return count / (last - begin)


def one_set(port, gate, ends, count):
    shared = connected(port).dict()
    shared[0] = 0
    gate.wait()
    for item in range(count):
        shared[item % 1000] = item
    ends.put(time.monotonic())


def dict_rate(port, what, count):
    if what == "two":
        gate = context.Barrier(3)
        ends = context.Queue()
        args = (port, gate, ends, count // 2)
        children = [context.Process(target=one_set, args=args, daemon=True) for _ in range(2)]
        for child in children:
            child.start()
        gate.wait()
        begin = time.monotonic()
        last = max(ends.get() for _ in children)
        for child in children:
            child.join()
        return count / (last - begin)
    shared = connected(port).dict()
    shared.update({item: item for item in range(count if what == "items" else 1000)})
    entries = {item: item for item in range(count)}
    begin = time.monotonic()
    if what == "update":
        shared.update(entries)
    elif what == "items":
        shared.items()
    elif what == "set":
        for item in range(count):
            shared[item % 1000] = item
    else:
        for item in range(count):
            shared.get(item % 1000)
    rate = count / (time.monotonic() - begin)
    shared.clear()
    return rate


def answer(listener):
    while True:
        connection = listener.accept()
        try:
            while True:
                connection.send(connection.recv())
        except EOFError:
            connection.close()


def round_trips(port, count):
    with Client(("127.0.0.1", port), authkey=KEY) as connection:
        connection.send(0)
        connection.recv()
        begin = time.monotonic()
        for item in range(count):
            connection.send(item)
            connection.recv()
        return count / (time.monotonic() - begin)


def main():
    manager = Server(address=("127.0.0.1", 0), authkey=KEY, ctx=context)
    manager.start()
    listener = Listener(("127.0.0.1", 0), authkey=KEY)
    context.Process(target=answer, args=(listener,), daemon=True).start()
    print(json.dumps([manager.address[1], listener.address[1]]), flush=True)
    ports = [0, 0]
    for line in sys.stdin:
        what, *words = line.split()
        if what == "through":
            ports = [int(word) for word in words]
            result = 0
        elif what == "pass":
            result = pass_items(ports[0], int(words[0]), int(words[1]))
        elif what == "dict":
            result = dict_rate(ports[0], words[0], int(words[1]))
        else:
            result = round_trips(ports[1], int(words[0]))
        print(json.dumps(result), flush=True)
    manager.shutdown()


if __name__ == "__main__":
    main()
