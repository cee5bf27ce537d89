"""Python's own channels, measured on request: a line of words in, a line of JSON out."""
import json
import multiprocessing
import sys
import time

context = multiprocessing.get_context("fork")


def put(queue, count, size):
    text = "x" * size
    for item in range(count):
        queue.put(text if size else item)


def get(queue, count):
    for _ in range(count):
        queue.get()


def run_all(*calls):
    children = [context.Process(target=target, args=args, daemon=True) for target, args in calls]
    for child in children:
        child.start()
    for child in children:
        child.join()


def pass_items(producers, count, size):
    """Items per second; the start of the processes, some milliseconds, is not counted."""
    queue = context.Queue()
    each = count // producers
    gate = context.Barrier(2 * producers + 1)
    ends = context.Queue()

    def at_once(target, *args):
        gate.wait()
        target(*args)
        ends.put(time.monotonic())

    calls = [(at_once, (put, queue, each, size))] * producers + [(at_once, (get, queue, each))] * producers
    children = [context.Process(target=target, args=args, daemon=True) for target, args in calls]
    for child in children:
        child.start()
    gate.wait()
    begin = time.monotonic()
    last = max(ends.get() for _ in children)
    for child in children:
        child.join()
    return count / (last - begin)


def echo(end, count):
    for _ in range(count):
        end.send(end.recv())


def round_trips(count):
    here, there = context.Pipe()
    child = context.Process(target=echo, args=(there, count), daemon=True)
    child.start()
    begin = time.monotonic()
    for item in range(count):
        here.send(item)
        here.recv()
    rate = count / (time.monotonic() - begin)
    child.join()
    return rate


def dict_sets(shared, count):
    for item in range(count):
        shared[item % 1000] = item


def dict_gets(shared, count):
    for item in range(count):
        shared.get(item % 1000)


def timed(count, act):
    begin = time.monotonic()
    act()
    return count / (time.monotonic() - begin)


def dict_rate(what, count):
    with context.Manager() as manager:
        shared = manager.dict({item: item for item in range(1000)})
        if what == "set":
            return timed(count, lambda: dict_sets(shared, count))
        if what == "get":
            return timed(count, lambda: dict_gets(shared, count))
        if what == "update":
            entries = {item: item for item in range(count)}
            return timed(count, lambda: shared.update(entries))
        if what == "items":
            shared.update({item: item for item in range(count)})
            return timed(count, lambda: shared.items())
        # Two processes at once: what the manager's server can do at all.
        return timed(count, lambda: run_all(*[(dict_sets, (shared, count // 2))] * 2))


def running(pipe):
    pipe.send(1)


def start_to_running(method, count):
    other = multiprocessing.get_context(method)
    times = []
    for _ in range(count):
        here, there = other.Pipe(duplex=False)
        begin = time.monotonic()
        child = other.Process(target=running, args=(there,))
        child.start()
        here.recv()
        times.append((time.monotonic() - begin) * 1000)
        child.join()
    return sorted(times)[len(times) // 2]


def noop(item):
    return item


def pool_to_first_result(method, size):
    begin = time.monotonic()
    with multiprocessing.get_context(method).Pool(size) as pool:
        pool.apply(noop, (1,))
        return (time.monotonic() - begin) * 1000


def main():
    calls = {
        "pass": lambda producers, count, size: pass_items(int(producers), int(count), int(size)),
        "echo": lambda count: round_trips(int(count)),
        "dict": lambda what, count: dict_rate(what, int(count)),
        "start": lambda method, count: start_to_running(method, int(count)),
        "pool": lambda method, size: pool_to_first_result(method, int(size)),
    }
    for line in sys.stdin:
        what, *words = line.split()
        print(json.dumps(calls[what](*words)), flush=True)


if __name__ == "__main__":
    main()
