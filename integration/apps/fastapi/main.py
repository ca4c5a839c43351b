import os
import platform

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Facts(BaseModel):
    uid: int
    machine: str
    python: str


@app.get("/")
async def index() -> Facts:
    return Facts(uid=os.getuid(), machine=platform.machine(), python=platform.python_version())
