from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SetSecretRequest(_message.Message):
    __slots__ = ("namespace", "source", "name", "values")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    source: str
    name: str
    values: _containers.ScalarMap[str, bytes]
    def __init__(self, namespace: _Optional[str] = ..., source: _Optional[str] = ..., name: _Optional[str] = ..., values: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class SetSecretReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSecretsRequest(_message.Message):
    __slots__ = ("namespace", "source", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    source: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., source: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class SecretFacts(_message.Message):
    __slots__ = ("name", "variables", "set_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    SET_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    variables: _containers.RepeatedScalarFieldContainer[str]
    set_ms: int
    def __init__(self, name: _Optional[str] = ..., variables: _Optional[_Iterable[str]] = ..., set_ms: _Optional[int] = ...) -> None: ...

class ListSecretsReply(_message.Message):
    __slots__ = ("secrets",)
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    secrets: _containers.RepeatedCompositeFieldContainer[SecretFacts]
    def __init__(self, secrets: _Optional[_Iterable[_Union[SecretFacts, _Mapping]]] = ...) -> None: ...

class DeleteSecretRequest(_message.Message):
    __slots__ = ("namespace", "source", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    source: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., source: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteSecretReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SealedSecret(_message.Message):
    __slots__ = ("set_ms", "variables", "key", "nonce", "sealed")
    SET_MS_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    set_ms: int
    variables: _containers.RepeatedScalarFieldContainer[str]
    key: bytes
    nonce: bytes
    sealed: bytes
    def __init__(self, set_ms: _Optional[int] = ..., variables: _Optional[_Iterable[str]] = ..., key: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class SecretValues(_message.Message):
    __slots__ = ("values",)
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.ScalarMap[str, str]
    def __init__(self, values: _Optional[_Mapping[str, str]] = ...) -> None: ...
