"""python-eql over a file of events: eql_peer.py QUERIES EVENTS MOST; prints the seconds on the clock and on the processor
that the events took, without those for reading the queries, and the number of matches."""

import itertools
import json
import sys
import time

import eql.parser
from eql.engine import PythonEngine
from eql.events import Event


def main():
    queries, events, most = sys.argv[1:]
    engine, matches = PythonEngine(), []
    engine.add_output_hook(matches.append)
    with eql.parser.elasticsearch_syntax:
        for query in open(queries).read().splitlines():
            engine.add_query(eql.parser.parse_query(query))
    begun, worked = time.perf_counter(), time.process_time()
    with open(events, "rb") as lines:
        for number, line in enumerate(itertools.islice(lines, int(most))):
            event = json.loads(line)
            engine.stream_event(Event(event["event"]["type"][0], number, event))
    print(time.perf_counter() - begun, time.process_time() - worked, len(matches))


if __name__ == "__main__":
    main()
