"""Services on one host: addresses, networks, the kernel's rules that carry them, and the names in each pod.

Always true here: a Service keeps its address for as long as it exists; only ready pods get traffic; a Service without
ready pods refuses at once; what runs goes on running while the daemon is away, for it is all in the kernel and in
files.  This room reads the store and writes Endpoints; it must not import `node`, `controllers`, `sources` or `api`.
"""
