"""Python's own pool, measured on request: one line of JSON in, one out."""
import json
import multiprocessing
import sys
import time


def noop(x):
    return x


def in_flight(pool, calls, most):
    done = 0
    pending = []
    begin = time.perf_counter()
    sent = 0
    while done < calls:
        while sent < calls and sent - done < most:
            pending.append(pool.apply_async(noop, (sent,)))
            sent += 1
        pending[done].get()
        done += 1
    return calls / (time.perf_counter() - begin)


def main():
    pool = multiprocessing.get_context("fork").Pool(2)
    items = list(range(100_000))
    pool.map(noop, items)
    for line in sys.stdin:
        request = line.strip()
        if request == "map":
            begin = time.perf_counter()
            pool.map(noop, items)
            answer = len(items) / (time.perf_counter() - begin)
        elif request == "map1":
            begin = time.perf_counter()
            pool.map(noop, items, chunksize=1)
            answer = len(items) / (time.perf_counter() - begin)
        elif request == "async":
            answer = in_flight(pool, 10_000, 1_000)
        elif request == "apply":
            times = []
            for x in range(1_000):
                begin = time.perf_counter()
                pool.apply(noop, (x,))
                times.append(time.perf_counter() - begin)
            times.sort()
            answer = [times[500] * 1000, times[990] * 1000]
        elif request == "start":
            begin = time.perf_counter()
            with multiprocessing.get_context("spawn").Pool(2) as fresh:
                fresh.apply(noop, (1,))
                answer = (time.perf_counter() - begin) * 1000
        else:
            break
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
