// Parameter Store as clients see it, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PutParameterCommandInput } from "@aws-sdk/client-ssm";
import {
  ACCOUNT,
  refusal,
  REGION,
  startSecretServices,
  type SecretServices,
} from "#tests/support/secret-services.ts";

let services: SecretServices;
let ssm: SecretServices["ssm"];
beforeEach(async () => {
  services = await startSecretServices();
  ({ ssm } = services);
});
afterEach(() => services.close());

const put = (Name: string, Value = "v", more: Partial<PutParameterCommandInput> = {}) =>
  ssm.putParameter({ Name, Value, Type: "String", ...more });
const arn = (name: string) => `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${name}`;

describe("a parameter", () => {
  it("is put and read", async () => {
    expect(await put("/app/url", "http://x")).toMatchObject({ Version: 1, Tier: "Standard" });
    const { Parameter } = await ssm.getParameter({ Name: "/app/url" });
    expect(Parameter).toEqual({
      Name: "/app/url",
      Type: "String",
      Value: "http://x",
      Version: 1,
      ARN: arn("/app/url"),
      DataType: "text",
      LastModifiedDate: new Date(services.clock.now()),
    });
  });

  it("that is a SecureString is shown in clear only when that is asked for", async () => {
    await put("/app/password", "hidden", { Type: "SecureString" });
    const plain = await ssm.getParameter({ Name: "/app/password", WithDecryption: true });
    expect(plain.Parameter).toMatchObject({ Type: "SecureString", Value: "hidden" });
    const sealed = await ssm.getParameter({ Name: "/app/password" });
    expect(sealed.Parameter?.Value).toMatch(/^[A-Za-z0-9+/=]{60,}$/);
    expect(Buffer.from(sealed.Parameter?.Value ?? "", "base64").toString()).not.toContain("hidden");
  });
});

describe("GetParameters", () => {
  it("answers what is there by the name that was asked for, and names what is not", async () => {
    await put("/a");
    await put("plain");
    const found = await ssm.getParameters({ Names: ["/a", arn("/plain"), "/nope", "/a:7"] });
    expect(found.Parameters?.map(({ Name }) => Name)).toEqual(["/a", arn("/plain")]);
    expect(found.InvalidParameters).toEqual(["/nope", "/a:7"]);
    expect(await refusal(ssm.getParameter({ Name: "/nope" }))).toMatch(/^ParameterNotFound: /);
  });
});
