// AWS's policies that ECS users attach beside those of ECS itself.
import { actions, awsPolicy } from "./aws-policy.ts";

export const administrator = awsPolicy({
  name: "AdministratorAccess",
  description: "Provides full access to AWS services and resources.",
  versionId: "v1",
  created: "2015-02-06",
  updated: "2015-02-06",
  statements: [{ Effect: "Allow", Action: "*", Resource: "*" }],
});

export const registryReadOnly = awsPolicy({
  name: "AmazonEC2ContainerRegistryReadOnly",
  description: "Provides read-only access to Amazon EC2 Container Registry repositories.",
  versionId: "v3",
  created: "2015-12-21",
  updated: "2019-12-10",
  statements: [
    {
      Effect: "Allow",
      Action: actions(
        "ecr",
        "GetAuthorizationToken",
        "BatchCheckLayerAvailability",
        "GetDownloadUrlForLayer",
        "GetRepositoryPolicy",
        "DescribeRepositories",
        "ListImages",
        "DescribeImages",
        "BatchGetImage",
        "GetLifecyclePolicy",
        "GetLifecyclePolicyPreview",
        "ListTagsForResource",
        "DescribeImageScanFindings",
      ),
      Resource: "*",
    },
  ],
});

export const instanceCore = awsPolicy({
  name: "AmazonSSMManagedInstanceCore",
  description: "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.",
  versionId: "v2",
  created: "2019-03-15",
  updated: "2019-05-23",
  statements: [
    {
      Effect: "Allow",
      Action: actions(
        "ssm",
        "DescribeAssociation",
        "GetDeployablePatchSnapshotForInstance",
        "GetDocument",
        "DescribeDocument",
        "GetManifest",
        "GetParameter",
        "GetParameters",
        "ListAssociations",
        "ListInstanceAssociations",
        "PutInventory",
        "PutComplianceItems",
        "PutConfigurePackageResult",
        "UpdateAssociationStatus",
        "UpdateInstanceAssociationStatus",
        "UpdateInstanceInformation",
      ),
      Resource: "*",
    },
    {
      Effect: "Allow",
      Action: actions(
        "ssmmessages",
        "CreateControlChannel",
        "CreateDataChannel",
        "OpenControlChannel",
        "OpenDataChannel",
      ),
      Resource: "*",
    },
    {
      Effect: "Allow",
      Action: actions(
        "ec2messages",
        "AcknowledgeMessage",
        "DeleteMessage",
        "FailMessage",
        "GetEndpoint",
        "GetMessages",
        "SendReply",
      ),
      Resource: "*",
    },
  ],
});
