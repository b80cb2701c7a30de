// AWS's policies for the roles of ECS: container instances, task execution, and the services that call ECS for somebody.
import { actions, awsPolicy } from "./aws-policy.ts";

const PATH = "/service-role/";

const READ_IMAGES = actions("ecr", "BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage");
const WRITE_LOGS = actions("logs", "CreateLogStream", "PutLogEvents");

export const containerInstanceRole = awsPolicy({
  name: "AmazonEC2ContainerServiceforEC2Role",
  path: PATH,
  description: "Default policy for the Amazon EC2 Role for Amazon EC2 Container Service.",
  versionId: "v10",
  created: "2015-03-19",
  updated: "2026-02-12",
  statements: [
    {
      Effect: "Allow",
      Action: [
        "ec2:DescribeTags",
        ...actions(
          "ecs",
          "CreateCluster",
          "DeregisterContainerInstance",
          "DiscoverPollEndpoint",
          "Poll",
          "RegisterContainerInstance",
          "StartTelemetrySession",
          "UpdateContainerInstancesState",
          "Submit*",
        ),
        "ecr:GetAuthorizationToken",
        ...READ_IMAGES,
        ...WRITE_LOGS,
      ],
      Resource: "*",
    },
    {
      Effect: "Allow",
      Action: "ecs:TagResource",
      Resource: "*",
      Condition: { StringEquals: { "ecs:CreateAction": ["CreateCluster", "RegisterContainerInstance"] } },
    },
    {
      Effect: "Allow",
      Action: "ecs:ListTagsForResource",
      Resource: ["arn:aws:ecs:*:*:task/*/*", "arn:aws:ecs:*:*:container-instance/*/*"],
    },
  ],
});

export const taskExecutionRole = awsPolicy({
  name: "AmazonECSTaskExecutionRolePolicy",
  path: PATH,
  description: "Provides access to other AWS service resources that are required to run Amazon ECS tasks",
  versionId: "v1",
  created: "2017-11-16",
  updated: "2017-11-16",
  statements: [
    { Effect: "Allow", Action: ["ecr:GetAuthorizationToken", ...READ_IMAGES, ...WRITE_LOGS], Resource: "*" },
  ],
});

export const serviceRole = awsPolicy({
  name: "AmazonEC2ContainerServiceRole",
  path: PATH,
  description: "Default policy for Amazon ECS service role.",
  versionId: "v2",
  created: "2015-04-09",
  updated: "2016-08-11",
  statements: [
    {
      Effect: "Allow",
      Action: [
        ...actions("ec2", "AuthorizeSecurityGroupIngress", "Describe*"),
        ...actions(
          "elasticloadbalancing",
          "DeregisterInstancesFromLoadBalancer",
          "DeregisterTargets",
          "Describe*",
          "RegisterInstancesWithLoadBalancer",
          "RegisterTargets",
        ),
      ],
      Resource: "*",
    },
  ],
});

export const autoscaleRole = awsPolicy({
  name: "AmazonEC2ContainerServiceAutoscaleRole",
  path: PATH,
  description: "Policy to enable Task Autoscaling for Amazon EC2 Container Service",
  versionId: "v2",
  created: "2016-05-12",
  updated: "2018-02-05",
  statements: [
    { Effect: "Allow", Action: actions("ecs", "DescribeServices", "UpdateService"), Resource: ["*"] },
    { Effect: "Allow", Action: actions("cloudwatch", "DescribeAlarms", "PutMetricAlarm"), Resource: ["*"] },
  ],
});

export const eventsRole = awsPolicy({
  name: "AmazonEC2ContainerServiceEventsRole",
  path: PATH,
  description: "Policy to enable CloudWatch Events for EC2 Container Service",
  versionId: "v3",
  created: "2017-05-30",
  updated: "2023-03-06",
  statements: [
    { Effect: "Allow", Action: ["ecs:RunTask"], Resource: ["*"] },
    {
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: ["*"],
      Condition: { StringLike: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
    {
      Effect: "Allow",
      Action: "ecs:TagResource",
      Resource: "*",
      Condition: { StringEquals: { "ecs:CreateAction": ["RunTask"] } },
    },
  ],
});
