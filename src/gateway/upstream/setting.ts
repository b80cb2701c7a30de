// The setting that sends calls of services which Estiba does not have to other endpoints: `dynamodb=http://127.0.0.1:8000` or
// `s3=https://s3.eu-west-1.amazonaws.com,profile=work,region=eu-west-1`.

export interface UpstreamSetting {
  /** The service part of a signature's scope: `s3`, `dynamodb`, `sqs`. */
  readonly service: string;
  /** Scheme, host, port and a path that is put before each call's; without a slash at the end. */
  readonly url: URL;
  /** Whose keys of the AWS credentials file sign the calls; those of the server's environment when absent. */
  readonly profile?: string;
  /** The region for which calls are signed; the caller's when absent. */
  readonly region?: string;
}

/** @throws Error that says what is wrong with the text */
export function readUpstream(text: string): UpstreamSetting {
  const [, service = "", rest = ""] = /^([a-z0-9-]{1,64})=(.+)$/s.exec(text.trim()) ?? [];
  const [address = "", ...options] = rest.split(",");
  if (service === "" || !URL.canParse(address))
    throw new Error(`"${text}" must be <service>=<url>, for instance dynamodb=http://127.0.0.1:8000.`);
  const url = new URL(address);
  if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new Error(`The url of ${service} must be http or https, without user, query and fragment.`);
  const named: Record<string, string> = {};
  for (const option of options) {
    const [, name = "", value = ""] = /^(profile|region)=([\w.@+-]{1,128})$/.exec(option) ?? [];
    if (name === "") throw new Error(`"${option}" of ${service} must be profile=<name> or region=<name>.`);
    named[name] = value;
  }
  const { profile, region } = named;
  return {
    service,
    url,
    ...(profile === undefined ? {} : { profile }),
    ...(region === undefined ? {} : { region }),
  };
}

/** As `readUpstream` reads it. */
export const upstreamText = ({ service, url, profile, region }: UpstreamSetting): string =>
  [
    `${service}=${url.href}`,
    ...(profile === undefined ? [] : [`profile=${profile}`]),
    ...(region === undefined ? [] : [`region=${region}`]),
  ].join();
