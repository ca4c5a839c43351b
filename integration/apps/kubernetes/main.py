"""Lists the pods of a namespace; KUBERNETES_API names the server."""

import os

from kubernetes import client

configuration = client.Configuration(host=os.environ["KUBERNETES_API"])
configuration.api_key["authorization"] = "carboy"
configuration.api_key_prefix["authorization"] = "Bearer"
with client.ApiClient(configuration) as api:
    for pod in client.CoreV1Api(api).list_namespaced_pod("default").items:
        print(pod.metadata.name, pod.status.phase, pod.spec.containers[0].image)
