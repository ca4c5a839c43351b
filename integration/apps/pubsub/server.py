"""As much of Pub/Sub as main.py uses: one topic, one subscription, over gRPC. The port is the argument."""

import sys
from concurrent import futures

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

messages = []


def publish(request, context):
    ids = []
    for message in request.messages:
        message.message_id = str(len(messages) + 1)
        messages.append(message)
        ids.append(message.message_id)
    return types.PublishResponse(message_ids=ids)


def pull(request, context):
    waiting, messages[:] = messages[: request.max_messages], messages[request.max_messages :]
    received = [types.ReceivedMessage(ack_id=message.message_id, message=message) for message in waiting]
    return types.PullResponse(received_messages=received)


def method(answer, request, response):
    write = getattr(response, "serialize", None) or response.SerializeToString
    return grpc.unary_unary_rpc_method_handler(answer, request.deserialize, write)


def same(request, context):
    return request


handlers = {
    "google.pubsub.v1.Publisher": {
        "CreateTopic": method(same, types.Topic, types.Topic),
        "Publish": method(publish, types.PublishRequest, types.PublishResponse),
    },
    "google.pubsub.v1.Subscriber": {
        "CreateSubscription": method(same, types.Subscription, types.Subscription),
        "Pull": method(pull, types.PullRequest, types.PullResponse),
        "Acknowledge": method(lambda request, context: Empty(), types.AcknowledgeRequest, Empty),
    },
}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
server.add_generic_rpc_handlers(
    tuple(grpc.method_handlers_generic_handler(service, methods) for service, methods in handlers.items())
)
assert server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
