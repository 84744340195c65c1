"""Commands of the host that this room runs: nft(8), ip(8), iptables(8), conntrack(8)."""

import asyncio

from orchestrator.errors import OrchestratorError

SECONDS = 20.0


async def run(*argv: str, script: str = "") -> str:
    """Run a command to its end; OrchestratorError with its own words when it fails or takes too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise OrchestratorError(f"cannot run {argv[0]}: {error}") from error
    try:
        async with asyncio.timeout(SECONDS):
            output, errors = await process.communicate(script.encode())
    except TimeoutError as error:
        raise OrchestratorError(f"cannot run {argv[0]}: it did not end within {SECONDS:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = errors.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
        raise OrchestratorError(f"cannot run {' '.join(argv)}: {words[0]}")
    return output.decode(errors="replace")
