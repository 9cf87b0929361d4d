import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { request } from "node:https";
import { test } from "node:test";
import { Client, type ServiceError, credentials } from "@grpc/grpc-js";
import { SystemRuntime } from "../../base/host/system.ts";
import { GrpcServer } from "./server.ts";

// Made for this test and used nowhere else: a self-signed certificate of localhost.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3pFO1LNIHx03B2Eq
QJojwp05DWslOk2Gs8ea36y3r8+hRANCAAQ8aI3SdUrO6QeZ7/AKerW57NqjhrML
YhPx+AuWV1vh2TMzpDP9EUoDY7BiAe4VD3xbrygeCxNziAghEI8sPshy
-----END PRIVATE KEY-----
`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIULl9ILClEdtKvN34uQhHqLS+2RDowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA5NTYzN1oYDzIxMjYxMDI4
MDk1NjM3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ8aI3SdUrO6QeZ7/AKerW57NqjhrMLYhPx+AuWV1vh2TMzpDP9EUoD
Y7BiAe4VD3xbrygeCxNziAghEI8sPshyo28wbTAdBgNVHQ4EFgQUBLtGAkFKM0EF
HBoJCadfl7ORfekwHwYDVR0jBBgwFoAUBLtGAkFKM0EFHBoJCadfl7ORfekwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgOwWSyDZct+HBnKXqfSIkC/AYtqsPndBsqJRtSt+mX8YCIA+I
Oa9fXBczk/EdaCdsCm5BuUd6z2NdG9+ss1IOaAa0
-----END CERTIFICATE-----
`;

const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

function echo(port: number, channel: ReturnType<typeof credentials.createSsl>): Promise<ServiceError | Buffer> {
  const client = new Client(`localhost:${port}`, channel, { "grpc.use_local_subchannel_pool": 1 });
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + 5000 };
    client.makeUnaryRequest("/t.Echo/Call", identity, identity, Buffer.alloc(200_000, 3), options, (error, bytes) => {
      client.close();
      resolve(error ?? bytes!);
    });
  });
}

async function started(tls: object): Promise<{ server: GrpcServer; port: number }> {
  const server = new GrpcServer(new SystemRuntime(), { tls: { key: KEY, cert: CERTIFICATE, ...tls } });
  server.register("/t.Echo/Call", async (bytes) => bytes);
  return { server, port: await server.listen("127.0.0.1", 0) };
}

test("serves gRPC and HTTP/1.1 over TLS and closes plain connections", async () => {
  const { server, port } = await started({});
  const answer = await echo(port, credentials.createSsl(Buffer.from(CERTIFICATE)));
  assert.ok(answer instanceof Uint8Array && answer.length === 200_000);
  const call = request({ host: "localhost", port, ca: CERTIFICATE, agent: false }).end();
  const [response] = await once(call, "response");
  assert.equal(response.statusCode, 404);
  response.resume();
  const plain = connectSocket(port, "127.0.0.1").on("error", () => {});
  plain.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await once(plain.resume(), "close");
  await server.close(100);
  assert.equal(server.connectionCount, 0);
});

test("lets only clients with a certificate in when it asks for one", async () => {
  const { server, port } = await started({ ca: CERTIFICATE, requestCert: true, rejectUnauthorized: true });
  const stranger = await echo(port, credentials.createSsl(Buffer.from(CERTIFICATE)));
  assert.ok(stranger instanceof Error);
  const known = credentials.createSsl(Buffer.from(CERTIFICATE), Buffer.from(KEY), Buffer.from(CERTIFICATE));
  const answer = await echo(port, known);
  assert.ok(answer instanceof Uint8Array && answer.length === 200_000);
  await server.close(100);
});
