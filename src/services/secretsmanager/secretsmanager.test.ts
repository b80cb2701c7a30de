// Secrets Manager as clients see it, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ACCOUNT,
  refusal,
  REGION,
  startSecretServices,
  type SecretServices,
} from "#tests/support/secret-services.ts";

let services: SecretServices;
let secrets: SecretServices["secrets"];
beforeEach(async () => {
  services = await startSecretServices();
  ({ secrets } = services);
});
afterEach(() => services.close());

describe("a secret", () => {
  it("is made and read by its name, its ARN and its ARN without the last six characters", async () => {
    const made = await secrets.createSecret({ Name: "app/db", SecretString: '{"user":"u"}' });
    expect(made.ARN).toMatch(
      new RegExp(`^arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:app/db-[A-Za-z0-9]{6}$`),
    );
    for (const SecretId of ["app/db", made.ARN, made.ARN?.slice(0, -7)]) {
      expect(await secrets.getSecretValue({ SecretId })).toMatchObject({
        ARN: made.ARN,
        Name: "app/db",
        SecretString: '{"user":"u"}',
        VersionId: made.VersionId,
        VersionStages: ["AWSCURRENT"],
      });
    }
  });

  it("that is not there is told so", async () => {
    expect(await refusal(secrets.getSecretValue({ SecretId: "nope" }))).toBe(
      "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    );
  });
});
