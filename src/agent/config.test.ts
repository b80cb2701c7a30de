import { describe, expect, it } from "vitest";
import { BadAgentConfig, readAgentConfig } from "./config.ts";

const read = (file: string) =>
  readAgentConfig({ AWS_DEFAULT_REGION: "us-east-1", ECS_BACKEND_HOST: "http://127.0.0.1:1" }, file);

describe("ECS_TASK_METADATA_RPS_LIMIT", () => {
  it("is steady and burst requests a second, 40 and 60 unless said otherwise", () => {
    expect(read("").metadataRate).toEqual({ perSecond: 40, burst: 60 });
    expect(read("ECS_TASK_METADATA_RPS_LIMIT=100,150").metadataRate).toEqual({ perSecond: 100, burst: 150 });
  });

  it.each(["100", "0,60", "40,0", "a,b", "40, 60"])("is not %s", (value) => {
    expect(() => read(`ECS_TASK_METADATA_RPS_LIMIT=${value}`)).toThrow(BadAgentConfig);
  });
});
