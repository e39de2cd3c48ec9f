"""A collector of OpenTelemetry that decodes OTLP with the Python library `opentelemetry-proto` of that project.

Prints its port. `POST /v1/traces` takes spans, and `GET /spans` shows them as JSON, with the request that brought each.
"""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

spans = []
adding = threading.Lock()


def value(given):
    return getattr(given, given.WhichOneof("value"))


def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}


def shown(span, resource, headers):
    return {
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind),
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "took": span.end_time_unix_nano - span.start_time_unix_nano,
        "status": Status.StatusCode.Name(span.status.code),
        "attributes": attributes(span.attributes),
        "events": [{"name": event.name, "at": event.time_unix_nano - span.start_time_unix_nano} for event in span.events],
        "links": [{"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links],
        "resource": resource,
        "headers": headers,
    }


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with adding:
            self.answer(200, json.dumps(spans).encode(), "application/json")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): text for name, text in self.headers.items()}
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        found = [
            shown(span, attributes(of.resource.attributes), {"path": self.path, **headers})
            for of in request.resource_spans
            for scope in of.scope_spans
            for span in scope.spans
        ]
        with adding:
            spans.extend(found)
        self.answer(200, ExportTraceServiceResponse().SerializeToString(), "application/x-protobuf")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(server.server_port, flush=True)
server.serve_forever()
