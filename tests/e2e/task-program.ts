// What the tests of a task's identity run in its containers: the official SDK without any configuration, and requests that
// busybox's wget cannot make. The first argument says what; the answer is one line of JSON.
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const [what, ...more] = process.argv.slice(2);

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
