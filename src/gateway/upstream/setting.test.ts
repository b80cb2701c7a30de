import { expect, it } from "vitest";
import { readUpstream, upstreamText } from "./setting.ts";

it.each([
  ["dynamodb=http://127.0.0.1:8000", { service: "dynamodb" }],
  [
    "s3=https://s3.eu-west-1.amazonaws.com,profile=work,region=eu-west-1",
    { service: "s3", profile: "work", region: "eu-west-1" },
  ],
])("%s is read, and written as it can be read again", (text, expected) => {
  const setting = readUpstream(text);
  expect(setting).toMatchObject(expected);
  expect(readUpstream(upstreamText(setting))).toEqual(setting);
});

it.each([
  ["dynamodb", "must be <service>=<url>"],
  ["dynamodb=localhost", "must be <service>=<url>"],
  ["s3=ftp://host", "must be http or https"],
  ["s3=http://user:pw@host", "must be http or https"],
  ["s3=http://host,key=1", '"key=1" of s3 must be profile=<name> or region=<name>.'],
])("%s is refused", (text, why) => expect(() => readUpstream(text)).toThrow(why));
