// What user data means: scripts to run in order, or the reason why it is refused. Pure.
// AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bootstrap_container_instance.html
import { agentConfigurationScript } from "./agent-configuration.ts";
import { cloudConfigScript } from "./cloud-config.ts";
import { UserDataRefused } from "./user-data-refused.ts";

const multipart = /^(content-type:\s*multipart\/mixed|mime-version:)/i;

/**
 * Executable texts in the order in which they are run; none for empty user data.
 * Known forms: a script with `#!`, `#cloud-config`, the agent's JSON, and MIME multi-part archives of these.
 * @throws UserDataRefused
 */
export function userDataScripts(userData: string): string[] {
  if (userData.trim() === "") return [];
  if (userData.startsWith("#!")) return [userData];
  if (/^#cloud-config\s*$/m.test(firstLine(userData))) return [cloudConfigScript(userData)];
  if (userData.trimStart().startsWith("{")) return [agentConfigurationScript(userData)];
  if (multipart.test(userData)) return partsOf(userData).flatMap(userDataScripts);
  throw new UserDataRefused(
    `Its first line is none of #!…, #cloud-config, a JSON document or a MIME multi-part archive: ${JSON.stringify(firstLine(userData).slice(0, 80))}`,
  );
}

const firstLine = (text: string) => text.split(/\r?\n/, 1)[0] ?? "";

/** The parts of a MIME archive as plain texts; the kind of each shows in its own first line, as for whole user data. */
function partsOf(archive: string): string[] {
  const { headers, body } = splitMessage(archive);
  const boundary = /boundary="?([^";\n]+)"?/i.exec(headers)?.[1]?.trim();
  if (boundary === undefined) throw new UserDataRefused("The MIME archive names no boundary.");
  const pieces = `\n${body}`.split(`\n--${boundary}`).slice(1);
  return pieces
    .filter((piece) => !piece.startsWith("--"))
    .map((piece) => textOfPart(splitMessage(piece.replace(/^[ \t]*\n/, ""))));
}

function textOfPart({ headers, body }: { headers: string; body: string }): string {
  const type = /^content-type:\s*([^;\s]+)/im.exec(headers)?.[1]?.toLowerCase() ?? "text/plain";
  const encoding = /^content-transfer-encoding:\s*(\S+)/im.exec(headers)?.[1]?.toLowerCase() ?? "7bit";
  if (!["text/x-shellscript", "text/cloud-config", "text/plain", "application/json"].includes(type))
    throw new UserDataRefused(`A part of type ${type} is not supported.`);
  if (encoding === "base64") return Buffer.from(body, "base64").toString();
  if (["7bit", "8bit", "binary"].includes(encoding)) return body;
  throw new UserDataRefused(`A part with the encoding ${encoding} is not supported.`);
}

function splitMessage(message: string): { headers: string; body: string } {
  const lines = message.replace(/\r\n/g, "\n");
  const end = lines.indexOf("\n\n");
  return end < 0
    ? { headers: "", body: lines }
    : { headers: lines.slice(0, end), body: lines.slice(end + 2) };
}
