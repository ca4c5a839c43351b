"""Publishes a message and pulls it again; PUBSUB_EMULATOR_HOST names the server."""

import platform

from google.cloud import pubsub_v1

PROJECT = "carboy"

publisher = pubsub_v1.PublisherClient()
subscriber = pubsub_v1.SubscriberClient()
topic = publisher.topic_path(PROJECT, "greetings")
subscription = subscriber.subscription_path(PROJECT, "all")

publisher.create_topic(name=topic)
subscriber.create_subscription(name=subscription, topic=topic)
sent = publisher.publish(topic, b"hello", machine=platform.machine()).result(timeout=300)
[received] = subscriber.pull(subscription=subscription, max_messages=1, timeout=300).received_messages
subscriber.acknowledge(subscription=subscription, ack_ids=[received.ack_id])
assert received.message.message_id == sent
print(received.message.data.decode(), received.message.attributes["machine"])
