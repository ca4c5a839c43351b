import platform

print(f"hello from {platform.machine()} python {platform.python_version()}")
