// Which action a call of S3 is: by the subresource in its query, and the method (S3 API reference, "Actions").

type Actions = Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>;

/** Read, write and delete one of a bucket's settings. */
const setting = (get: string, put: string, remove = put) => ({ GET: get, PUT: put, DELETE: remove });

export const BUCKET_ACTIONS: Actions = {
  "": { GET: "ListBucket", HEAD: "ListBucket", PUT: "CreateBucket", DELETE: "DeleteBucket" },
  location: { GET: "GetBucketLocation" },
  uploads: { GET: "ListBucketMultipartUploads" },
  versions: { GET: "ListBucketVersions" },
  acl: { GET: "GetBucketAcl", PUT: "PutBucketAcl" },
  versioning: { GET: "GetBucketVersioning", PUT: "PutBucketVersioning" },
  policy: setting("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
  policyStatus: { GET: "GetBucketPolicyStatus" },
  tagging: setting("GetBucketTagging", "PutBucketTagging"),
  cors: setting("GetBucketCORS", "PutBucketCORS"),
  lifecycle: setting("GetLifecycleConfiguration", "PutLifecycleConfiguration"),
  website: setting("GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
  logging: { GET: "GetBucketLogging", PUT: "PutBucketLogging" },
  notification: { GET: "GetBucketNotification", PUT: "PutBucketNotification" },
  replication: setting("GetReplicationConfiguration", "PutReplicationConfiguration"),
  encryption: setting("GetEncryptionConfiguration", "PutEncryptionConfiguration"),
  requestPayment: { GET: "GetBucketRequestPayment", PUT: "PutBucketRequestPayment" },
  accelerate: { GET: "GetAccelerateConfiguration", PUT: "PutAccelerateConfiguration" },
  "object-lock": { GET: "GetBucketObjectLockConfiguration", PUT: "PutBucketObjectLockConfiguration" },
  ownershipControls: setting("GetBucketOwnershipControls", "PutBucketOwnershipControls"),
  publicAccessBlock: setting("GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock"),
  // Judged by the keys in its body.
  delete: {},
};

export const OBJECT_ACTIONS: Actions = {
  "": { GET: "GetObject", HEAD: "s3:GetObject", PUT: "PutObject", DELETE: "DeleteObject" },
  acl: { GET: "GetObjectAcl", PUT: "PutObjectAcl" },
  tagging: { GET: "GetObjectTagging", PUT: "PutObjectTagging", DELETE: "DeleteObjectTagging" },
  retention: { GET: "GetObjectRetention", PUT: "PutObjectRetention" },
  "legal-hold": { GET: "GetObjectLegalHold", PUT: "PutObjectLegalHold" },
  attributes: { GET: "s3:GetObject s3:GetObjectAttributes" },
  uploads: { POST: "PutObject" },
  uploadId: {
    GET: "ListMultipartUploadParts",
    PUT: "PutObject",
    POST: "PutObject",
    DELETE: "AbortMultipartUpload",
  },
  restore: { POST: "RestoreObject" },
  select: { POST: "GetObject" },
};

/** Parameters that change what an action answers, not which action it is. */
export const PARAMETERS: ReadonlySet<string> = new Set([
  "prefix",
  "delimiter",
  "marker",
  "max-keys",
  "encoding-type",
  "list-type",
  "continuation-token",
  "start-after",
  "fetch-owner",
  "key-marker",
  "upload-id-marker",
  "version-id-marker",
  "max-uploads",
  "max-parts",
  "part-number-marker",
  "partNumber",
  "versionId",
  "max-buckets",
  "bucket-region",
  "x-id",
  "select-type",
]);
