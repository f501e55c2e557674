#!/usr/bin/env python3
"""Drives a running avi-sim with the official Python SDK.

usage: drive.py SCHEME PORT [CA_FILE]

Every check is one call of the SDK's public face; the first failure ends the run.
"""

import base64
import sys
import warnings

import requests
from avi.sdk import avi_api
from avi.sdk.avi_api import APIError, ApiSession, ObjectNotFound, AviServerError

SCHEME, PORT = sys.argv[1], int(sys.argv[2])
VERIFY = sys.argv[3] if len(sys.argv) > 3 else False
BASE = f"{SCHEME}://127.0.0.1"
VERSION = "30.2.1"
DOOR = f"{BASE}:{PORT}/_sim"


def session(**changes):
    """A session that is not the cached one unless all arguments are equal."""
    arguments = {
        "controller_ip": BASE,
        "username": "admin",
        "password": "secret",
        "port": PORT,
        "api_version": VERSION,
        "verify": VERIFY,
    }
    arguments.update(changes)
    return ApiSession.get_session(**arguments)


def raises(error, call):
    """Whether a call ends in exactly this error."""
    try:
        call()
    except error as caught:
        assert type(caught) is error, f"{caught!r} is not exactly {error}"
        return True
    return False


def door(method, name, body=None):
    """Uses a side door of the simulator."""
    reply = requests.request(method, f"{DOOR}/{name}", json=body, verify=VERIFY, timeout=10)
    reply.raise_for_status()
    return reply.json() if reply.content else None


def sessions():
    """Login, the session cache, tokens, Basic, logout."""
    first = session()
    assert first.remote_api_version["Version"] == VERSION
    logins = len([row for row in door("GET", "log") if row["type"] == "login"])
    assert session() is first, "the second call is answered from the cache"
    assert len([row for row in door("GET", "log") if row["type"] == "login"]) == logins
    assert first.get("initial-data").json()["version"]["Version"] == VERSION

    made = first.post("user-token", data={"hours": "240"}).json()
    by_token = session(password=None, token=made["token"])
    assert by_token.get("cluster").json()["name"] == "cluster-0-1"
    assert first.get("user-token").count() >= 1
    assert first.delete(f"user-token/{made['uuid']}").status_code == 204

    basic = base64.b64encode(b"admin:secret").decode()
    by_basic = ApiSession(
        controller_ip=BASE, username="admin", password="secret", port=PORT, verify=VERIFY,
        api_version=VERSION, user_hdrs={"Authorization": f"Basic {basic}"},
    )
    assert by_basic.get("cluster").status_code == 200
    return first


def objects(api):
    """Create, read, update, patch and delete."""
    pool = api.post("pool", data={"name": "p1", "default_server_port": 8080})
    assert pool.status_code == 201
    body = pool.json()
    assert body["url"].endswith(f"/api/pool/{body['uuid']}#p1")
    assert raises(APIError, lambda: api.post("pool", data={"name": "p1"}).json())
    assert api.post("pool", data={"name": "p1"}).status_code == 409

    forced = api.post("pool", data={"name": "p2"}, force_uuid="pool-force-42").json()
    assert forced["uuid"] == "pool-force-42"

    found = api.get_object_by_name("pool", "p1")
    assert found["uuid"] == body["uuid"]
    assert api.get_object_by_name("pool", "nobody") is None
    assert api.get_obj_ref(found) == found["url"]

    path = f"pool/{body['uuid']}"
    fresh = api.put(path, data={**found, "default_server_port": 9090})
    assert fresh.status_code == 200 and fresh.json()["default_server_port"] == 9090
    stale = api.put(path, data={**found, "default_server_port": 1})
    assert stale.status_code == 412 and "Need to reload" in stale.text
    by_name = api.put_by_name("pool", "p1", data={"name": "p1", "default_server_port": 7070})
    assert by_name.json()["default_server_port"] == 7070
    assert raises(ObjectNotFound, lambda: api.put_by_name("pool", "nobody", data={}))

    server = {"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": 80}
    patched = api.patch(path, data={"add": {"servers": [server]}})
    assert len(patched.json()["servers"]) == 1
    patched = api.patch(path, data={"delete": {"servers": [server]}})
    assert patched.json()["servers"] == []

    assert raises(ObjectNotFound, lambda: api.get("pool/nope").json())
    assert raises(ObjectNotFound, lambda: api.delete_by_name("pool", "nobody"))
    assert api.delete_by_name("pool", "p2").status_code == 204
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404


def lists(api):
    """Counting and paging."""
    names = [f"hm{index}" for index in range(7)]
    for name in names:
        api.post("healthmonitor", data={"name": name, "type": "HEALTH_MONITOR_TCP"})
    total = api.get("healthmonitor").count()
    seen = [monitor["name"] for monitor in
            api.get_objects_iter("healthmonitor", params={"page_size": 3})]
    assert len(seen) == total == len(set(seen)) and set(names) <= set(seen)
    reply = api.get("healthmonitor", params={"name.in": "hm1,hm3", "fields": "type"}).json()
    assert [monitor["name"] for monitor in reply["results"]] == ["hm1", "hm3"]


def tenants(api):
    """What a tenant has is its own."""
    tenant = api.get_object_by_name("tenant", "blue")
    api.post("pool", data={"name": "in-blue"}, tenant="blue")
    assert api.get("pool", params={"name": "in-blue"}).count() == 0
    assert api.get("pool", tenant="blue", params={"name": "in-blue"}).count() == 1
    uuid = tenant["uuid"]
    assert api.get("pool", tenant_uuid=uuid, params={"name": "in-blue"}).count() == 1
    assert api.get("pool", tenant="nobody").status_code == 403


def addresses(api):
    """The reply to a VsVip has its address, and a static one is not exchanged."""
    vip = {"vip_id": "0", "auto_allocate_ip": True}
    vsvip = api.post("vsvip", data={"name": "v", "vip": [vip]}).json()
    address = vsvip["vip"][0]["ip_address"]["addr"]
    body = api.get_object_by_name("vsvip", "v")
    assert body["vip"][0]["ip_address"]["addr"] == address
    body["vip"][0]["ip_address"]["addr"] = "10.10.15.1"
    refused = api.put(f"vsvip/{body['uuid']}", data=body)
    assert refused.status_code == 400 and "recreate the VIP" in refused.text


def troubles(api):
    """Expired sessions and server errors."""
    door("DELETE", "sessions")
    assert api.get("cluster").status_code == 200, "the SDK logs in again by itself"
    door("DELETE", "sessions")
    assert api.post("pool", data={"name": "after-expiry"}).status_code == 201
    door("PUT", "faults", [{"type": "pool", "method": "GET", "status": 419, "count": 1}])
    assert api.get("pool").status_code == 200
    door("PUT", "faults", [{"type": "pool", "method": "GET", "status": 500, "count": 1}])
    assert raises(AviServerError, lambda: api.get("pool").json())
    door("PUT", "faults", [{"type": "pool", "method": "GET", "drop": "before", "count": 1}])
    assert api.get("pool").status_code == 200, "the SDK repeats a lost call"
    door("DELETE", "faults")


def main():
    """Runs all checks."""
    warnings.simplefilter("ignore")
    api = sessions()
    for check in (objects, lists, tenants, addresses, troubles):
        check(api)
    assert api.post("logout").status_code == 200
    avi_api.sessionDict.clear()
    print("all checks passed")


main()
