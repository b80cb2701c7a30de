// What the tests of a task's identity run in its containers: the official SDK without any configuration, and requests that
// busybox's wget cannot make. The first argument says what; the answer is one line of JSON.
import { createHash } from "node:crypto";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const [what, ...more] = process.argv.slice(2);

const digest = (text = "") => createHash("sha256").update(text).digest("hex");

async function answer(): Promise<unknown> {
  switch (what) {
    case "identity":
      return (await new STSClient({ maxAttempts: 1 }).send(new GetCallerIdentityCommand({}))).Arn;
    case "protect": {
      const [enabled, minutes] = more;
      const response = await fetch(`${process.env["ECS_AGENT_URI"]}/task-protection/v1/state`, {
        ...(enabled === undefined
          ? {}
          : {
              method: "PUT",
              body: JSON.stringify({
                ProtectionEnabled: enabled === "true",
                ...(minutes === undefined ? {} : { ExpiresInMinutes: Number(minutes) }),
              }),
            }),
      });
      return { status: response.status, body: await response.json() };
    }
    // Values are told by their digest: nothing that prints them is to be found afterwards.
    case "parameter": {
      const names = { Names: more, WithDecryption: true };
      const { Parameters } = await new SSMClient({ maxAttempts: 1 }).send(new GetParametersCommand(names));
      return digest(Parameters?.[0]?.Value);
    }
    case "secret": {
      const secrets = new SecretsManagerClient({ maxAttempts: 1 });
      return digest((await secrets.send(new GetSecretValueCommand({ SecretId: more[0] }))).SecretString);
    }
    case "environment":
      return more.map((name) => digest(process.env[name]));
    case "metadata":
      return (await fetch(`${process.env["ECS_CONTAINER_METADATA_URI_V4"]}${more[0] ?? ""}`)).json();
    default:
      throw new Error(`What is ${what}?`);
  }
}

answer().then(
  (value) => console.log(JSON.stringify(value)),
  (error: unknown) => {
    console.log(JSON.stringify({ error: error instanceof Error ? error.name : String(error) }));
    process.exitCode = 1;
  },
);
