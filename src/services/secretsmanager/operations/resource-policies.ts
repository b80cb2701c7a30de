// Resource policies of secrets: kept here, judged by the gateway's authorizer.
import { ServiceError } from "#lib/errors.ts";
import { parsePolicy } from "#iam/parse.ts";
import { lengthWithin } from "../constraints.ts";
import type { SecretsManagerDependencies, SecretsManagerOperations } from "../dependencies.ts";
import { liveSecretOf } from "../lookup.ts";
import { isPublic } from "../public-policy.ts";
import { putSecret } from "../versions.ts";

export function resourcePolicyOperations({ store, clock }: SecretsManagerDependencies) {
  return {
    async PutResourcePolicy(input, context) {
      const policy = checkPolicy(input.ResourcePolicy ?? "");
      if (input.BlockPublicPolicy === true && isPublic(policy))
        throw new ServiceError(
          "PublicPolicyException",
          "You can't put a resource policy that grants broad access to the secret while BlockPublicPolicy is set.",
        );
      return store.transact((tx) => {
        const row = liveSecretOf(tx, context, input.SecretId ?? "", clock.now());
        putSecret(tx, { ...row, policy });
        return { ARN: row.arn, Name: row.name };
      });
    },

    GetResourcePolicy(input, context) {
      const { arn, name, policy } = liveSecretOf(store, context, input.SecretId ?? "", clock.now());
      return { ARN: arn, Name: name, ...(policy === undefined ? {} : { ResourcePolicy: policy }) };
    },

    async DeleteResourcePolicy(input, context) {
      return store.transact((tx) => {
        const { policy: _, ...row } = liveSecretOf(tx, context, input.SecretId ?? "", clock.now());
        putSecret(tx, row);
        return { ARN: row.arn, Name: row.name };
      });
    },

    ValidateResourcePolicy(input, context) {
      if (input.SecretId !== undefined) liveSecretOf(store, context, input.SecretId, clock.now());
      const text = lengthWithin(input.ResourcePolicy ?? "", "resourcePolicy", 1, 20_480);
      const errors = [];
      try {
        checkPolicy(text);
        if (isPublic(text))
          errors.push({ CheckName: "PUBLIC_POLICY", ErrorMessage: "The policy grants access to everyone." });
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        errors.push({ CheckName: "POLICY_SYNTAX", ErrorMessage: error.message });
      }
      return { PolicyValidationPassed: errors.length === 0, ValidationErrors: errors };
    },
  } satisfies SecretsManagerOperations;
}

/** @throws ValidationException, MalformedPolicyDocumentException */
function checkPolicy(text: string): string {
  lengthWithin(text, "resourcePolicy", 1, 20_480);
  try {
    parsePolicy(text, "resource");
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    throw new ServiceError(
      "MalformedPolicyDocumentException",
      `This resource policy contains a syntax error: ${error.message}`,
    );
  }
  return text;
}
