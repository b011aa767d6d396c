"""A TCP proxy with three states: `open` passes bytes, `shut` refuses and cuts what is there, `stalled` accepts and
passes nothing. As a program: gate.py address DATABASE_URL PORT prints HOST, PORT and the URL that goes by the proxy."""

import socket
import sys
import threading
import urllib.parse


class Gate:
    def __init__(self, port, host, to):
        self.port, self.target = port, (host, to)
        self.lock, self.lines, self.listener = threading.Lock(), set(), None
        self.stalled = threading.Event()

    def open(self):
        self.stalled.clear()
        if self.listener is None:
            self.listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        self._cut()

    def stall(self):
        self.stalled.set()

    def _cut(self):
        with self.lock:
            for line in self.lines:
                try:
                    line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.lines.clear()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _connect(self):
        if str(self.target[0]).startswith("/"):
            line = socket.socket(socket.AF_UNIX)
            line.connect(f"{self.target[0]}/.s.PGSQL.{self.target[1]}")
            return line
        return socket.create_connection(self.target)

    def _serve(self, client):
        server = self._connect()
        with self.lock:
            self.lines |= {client, server}
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source, sink):
        """While stalled, bytes are read and kept back for ever: the line looks alive and says nothing."""
        try:
            while more := source.recv(65536):
                if not self.stalled.is_set():
                    sink.sendall(more)
        except OSError:
            pass
        for line in (source, sink):
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


if __name__ == "__main__":
    parts = urllib.parse.urlsplit(sys.argv[2])
    asked = dict(urllib.parse.parse_qsl(parts.query))
    host = parts.hostname or asked.pop("host", "127.0.0.1")
    host = urllib.parse.unquote(host)
    port = parts.port or int(asked.pop("port", 5432))
    user = parts.netloc.rpartition("@")[0]
    netloc = f"{user}@127.0.0.1:{sys.argv[3]}" if user else f"127.0.0.1:{sys.argv[3]}"
    query = urllib.parse.urlencode({name: value for name, value in asked.items() if name not in ("host", "port")})
    print(host, port, urllib.parse.urlunsplit((parts.scheme, netloc, parts.path, query, "")))
