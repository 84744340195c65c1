"""The API on the unix socket, in Kubernetes' REST shapes, so that kubectl's habits and client libraries fit.

`routes` is the one table of what can be asked and who may; `server` binds it to the socket.  Handlers read the store
and the engine; all that they change is what `deleters` has a row for.  What is pure (selectors, tables, ages,
redaction) stands in files of its own and is tested without a socket.  Imports nothing from sources, controllers, node
or services: `app` hands in what they know.
"""
