"""What the shapes of requests and of answers share: they do not change, and a request holds nothing unknown."""

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """What a request says."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Output(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(frozen=True)
