// What goes over the wire, as text: signatures against the vectors that Amazon publishes,
// addresses, times, XML. Method: known answers; damaged documents must be refused, never crash.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "io/base/sha256.h"
#include "io/base/text.h"
#include "io/s3/endpoint.h"
#include "io/s3/http_time.h"
#include "io/s3/messages.h"
#include "io/s3/retry.h"
#include "io/s3/sigv4.h"
#include "io/s3/xml.h"
#include "tests/support/status_matchers.h"

namespace og::io {
namespace {

using testing::ElementsAre;
using tests::IsOk;
using tests::StatusIs;

// ---- signatures ---------------------------------------------------------------------------------

// "Examples: Signature Calculations in AWS Signature Version 4", Amazon S3 API reference.
const Credentials kExample{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                           .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
constexpr char kHost[] = "examplebucket.s3.amazonaws.com";
constexpr char kTime[] = "20130524T000000Z";
constexpr char kEmptyHash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string SignatureOf(std::string_view authorization) {
  return std::string(authorization.substr(authorization.find("Signature=") + 10));
}

std::string Sign(std::string_view method, std::string_view path, std::string_view query,
                 const HttpHeaders& headers, std::string_view payload_hash) {
  return SignatureOf(AuthorizationHeader(kExample, {.region = "us-east-1", .service = "s3"}, kTime,
                                         {method, path, query, headers, payload_hash}));
}

TEST(Sigv4Test, GetObjectOfTheS3Reference) {
  const HttpHeaders headers = {{"host", kHost},
                               {"range", "bytes=0-9"},
                               {"x-amz-content-sha256", kEmptyHash},
                               {"x-amz-date", kTime}};
  const SignedParts parts{"GET", "/test.txt", "", headers, kEmptyHash};
  EXPECT_EQ(Sha256Hex(CanonicalRequest(parts)),
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
  EXPECT_EQ(StringToSign({.region = "us-east-1", .service = "s3"}, kTime, CanonicalRequest(parts)),
            "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
  EXPECT_EQ(AuthorizationHeader(kExample, {.region = "us-east-1", .service = "s3"}, kTime, parts),
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(Sigv4Test, PutObjectOfTheS3Reference) {
  const std::string hash = Sha256Hex(std::string_view("Welcome to Amazon S3."));
  EXPECT_EQ(Sign("PUT", "/test%24file.text", "",
                 {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                  {"host", kHost},
                  {"x-amz-content-sha256", hash},
                  {"x-amz-date", kTime},
                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                 hash),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(Sigv4Test, QueriesOfTheS3Reference) {
  const HttpHeaders headers = {
      {"host", kHost}, {"x-amz-content-sha256", kEmptyHash}, {"x-amz-date", kTime}};
  EXPECT_EQ(Sign("GET", "/", CanonicalQuery({{"lifecycle", ""}}), headers, kEmptyHash),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(
      Sign("GET", "/", CanonicalQuery({{"prefix", "J"}, {"max-keys", "2"}}), headers, kEmptyHash),
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// The "get-*" and "post-*" cases of Amazon's Signature Version 4 test suite.
TEST(Sigv4Test, CasesOfTheTestSuite) {
  const Credentials credentials{.access_key_id = "AKIDEXAMPLE",
                                .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
  struct Case {
    const char* method;
    const char* path;
    QueryParts query;
    HttpHeaders headers;
    const char* signature;
  };
  const HttpHeaders plain = {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}};
  HttpHeaders trimmed = plain;
  trimmed.push_back({"my-header1", " value1"});
  trimmed.push_back({"my-header2", " \"a   b   c\""});
  const std::vector<Case> cases = {
      {"GET", "/", {}, plain, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"POST", "/", {}, plain, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"GET",
       "/",
       {{"Param2", "value2"}, {"Param1", "value1"}},
       plain,
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"GET", "/", {}, trimmed, "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"GET",
       "/%E1%88%B4",
       {},
       plain,
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
  };
  for (const Case& test : cases) {
    const std::string query = CanonicalQuery(test.query);
    EXPECT_EQ(SignatureOf(AuthorizationHeader(
                  credentials, {.region = "us-east-1", .service = "service"}, "20150830T123600Z",
                  {test.method, test.path, query, test.headers, kEmptyHash})),
              test.signature)
        << test.method << " " << test.path << " " << query;
  }
}

// ---- addresses ----------------------------------------------------------------------------------

TEST(EndpointTest, ParsesAndRefuses) {
  OG_ASSERT_OK_AND_ASSIGN(const S3Endpoint plain, ParseEndpoint("http://127.0.0.1:9000/"));
  EXPECT_EQ(plain, (S3Endpoint{false, "127.0.0.1:9000", ""}));
  OG_ASSERT_OK_AND_ASSIGN(const S3Endpoint secure, ParseEndpoint("https://minio.example:443/a/b/"));
  EXPECT_EQ(secure, (S3Endpoint{true, "minio.example", "/a/b"}));
  EXPECT_EQ(secure.Url(), "https://minio.example/a/b");
  for (const char* text :
       {"", "s3.amazonaws.com", "ftp://x", "https://", "https://:80", "https://user@host",
        "https://host?q", "https://host#f", "https://ho st", "https://host\r\nx"}) {
    EXPECT_THAT(ParseEndpoint(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(EndpointTest, AddressesInBothStyles) {
  const S3Endpoint aws = AwsEndpoint("s3", "eu-central-1");
  EXPECT_EQ(aws.Url(), "https://s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(AwsEndpoint("sts", "cn-north-1").host, "sts.cn-north-1.amazonaws.com.cn");
  const auto text = [](const S3Address& address) { return address.host + address.path; };
  EXPECT_EQ(text(AddressOf(aws, S3Style::kPath, "b", "k/a b+c")),
            "s3.eu-central-1.amazonaws.com/b/k/a%20b%2Bc");
  EXPECT_EQ(text(AddressOf(aws, S3Style::kVirtualHost, "b", "k")),
            "b.s3.eu-central-1.amazonaws.com/k");
  EXPECT_EQ(text(AddressOf(aws, S3Style::kVirtualHost, "b", "")),
            "b.s3.eu-central-1.amazonaws.com/");
  EXPECT_EQ(text(AddressOf(aws, S3Style::kPath, "b", "")), "s3.eu-central-1.amazonaws.com/b");
  EXPECT_EQ(text(AddressOf(aws, S3Style::kVirtualHost, "with.dots", "k")),
            "s3.eu-central-1.amazonaws.com/with.dots/k");
  EXPECT_EQ(text(AddressOf({true, "b.host", "/base"}, S3Style::kVirtualHost, "b", "k")),
            "b.host/base/k");
}

TEST(EndpointTest, PercentEncodingGoesBothWays) {
  std::string all;
  for (int c = 1; c < 256; ++c)
    all.push_back(static_cast<char>(c));
  EXPECT_EQ(PercentDecode(PercentEncode(all, false)), all);
  EXPECT_EQ(PercentDecode("a+b%2Bc"), "a b+c");
  for (const char* text : {"%", "%4", "a%zz", "%-1"}) {
    EXPECT_EQ(PercentDecode(text), std::nullopt) << text;
  }
  EXPECT_EQ(CanonicalQuery({{"b", "1"}, {"a", "x/y"}, {"a", ""}}), "a=&a=x%2Fy&b=1");
}

TEST(HttpTimeTest, ReadsWhatServersWrite) {
  EXPECT_EQ(FormatAmzTime(1'440'938'160'000'000), "20150830T123600Z");
  EXPECT_EQ(ParseIsoTime("2015-08-30T12:36:00Z"), 1'440'938'160'000'000);
  EXPECT_EQ(ParseIsoTime("2015-08-30T12:36:00.987Z"), 1'440'938'160'000'000);
  EXPECT_EQ(ParseHttpTime("Sun, 30 Aug 2015 12:36:00 GMT"), 1'440'938'160'000'000);
  for (const char* text : {"", "2015-08-30", "2015-13-30T12:36:00Z", "2015-08-30T12:36:00+01:00",
                           "x015-08-30T12:36:00Z"}) {
    EXPECT_EQ(ParseIsoTime(text), std::nullopt) << text;
  }
  for (const char* text : {"", "Sun, 30 Foo 2015 12:36:00 GMT", "Sun, 30 Aug 2015 12:36 GMT",
                           "Sunday, 30-Aug-15 12:36:00 GMT", "now, "}) {
    EXPECT_EQ(ParseHttpTime(text), std::nullopt) << text;
  }
}

// ---- documents ----------------------------------------------------------------------------------

TEST(XmlTest, ReadsATree) {
  OG_ASSERT_OK_AND_ASSIGN(const XmlElement root,
                          ParseXml("<?xml version=\"1.0\"?>\n<s3:A xmlns:s3=\"u\"><B>x &amp; "
                                   "<![CDATA[<y>]]></B><C/><B>2</B></s3:A>"));
  EXPECT_EQ(root.name, "A");
  EXPECT_EQ(root.TextOf("B"), "x & <y>");
  EXPECT_EQ(root.TextOf("C"), "");
  EXPECT_EQ(root.Find("D"), nullptr);
  EXPECT_EQ(root.children.size(), 3u);
  const std::string odd = "<>&\"'\r\xc3\xa4";
  OG_ASSERT_OK_AND_ASSIGN(const XmlElement back, ParseXml(StrCat("<A>", XmlEscape(odd), "</A>")));
  EXPECT_EQ(back.text, odd);
}

TEST(XmlTest, RefusesWhatIsNoDocument) {
  std::string deep;
  for (int i = 0; i < 100; ++i)
    deep.append("<a>");
  std::string wide = "<a>";
  for (int i = 0; i < 1'000'001; ++i)
    wide.append("<b/>");
  wide.append("</a>");
  for (const std::string& text : {std::string(), std::string("not XML"), std::string("<a>"),
                                  std::string("<a></b>"), std::string("<a/><b/>"), deep, wide,
                                  std::string("<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>"),
                                  std::string("<html><br></html>")}) {
    EXPECT_THAT(ParseXml(text), StatusIs(absl::StatusCode::kDataLoss, "XML")) << text.substr(0, 40);
  }
}

constexpr char kPage[] =
    "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    "<NextContinuationToken>t&amp;1</NextContinuationToken>"
    "<Contents><Key>a/b%20c%2B+d</Key><LastModified>2015-08-30T12:36:00.000Z</LastModified>"
    "<ETag>&quot;e&quot;</ETag><Size>7</Size></Contents>"
    "<CommonPrefixes><Prefix>a/x/</Prefix></CommonPrefixes></ListBucketResult>";

TEST(MessagesTest, ReadsAPageOfAList) {
  OG_ASSERT_OK_AND_ASSIGN(const S3ListPage page, ParseListPage(kPage));
  EXPECT_EQ(page.next_token, "t&1");
  ASSERT_EQ(page.objects.size(), 1u);
  EXPECT_EQ(page.objects[0].path, "a/b c+ d");
  EXPECT_EQ(page.objects[0].size, 7u);
  EXPECT_EQ(page.objects[0].e_tag, "\"e\"");
  EXPECT_EQ(page.objects[0].modified_us, 1'440'938'160'000'000);
}

TEST(MessagesTest, DamagedListsAreRefusedOrLists) {
  const std::string whole = kPage;
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_THAT(ParseListPage(whole.substr(0, i)), StatusIs(absl::StatusCode::kDataLoss)) << i;
    std::string flipped = whole;
    flipped[i] ^= 1;
    const auto page = ParseListPage(flipped);
    if (!page.ok()) {
      EXPECT_THAT(page, StatusIs(absl::StatusCode::kDataLoss)) << i;
    }
  }
  for (const char* text :
       {"<Error/>", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><Size>-1</Size><LastModified>"
        "2015-08-30T12:36:00Z</LastModified></Contents></ListBucketResult>"}) {
    EXPECT_THAT(ParseListPage(text), StatusIs(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(MessagesTest, ErrorsOfAnyKindHaveAText) {
  const S3Error error = ParseS3Error(
      "<Error><Code>NoSuchKey</Code><Message>gone</Message><RequestId>7</RequestId></Error>");
  EXPECT_EQ(error.code, "NoSuchKey");
  EXPECT_EQ(error.message, "gone");
  EXPECT_EQ(error.request_id, "7");
  const S3Error page = ParseS3Error("<html>\n<p>Bad\tGateway</html>");
  EXPECT_EQ(page.code, "");
  EXPECT_EQ(page.message, "<html> <p>Bad Gateway</html>");
  EXPECT_EQ(ParseS3Error(std::string(10'000, 'x')).message.size(), 200u);
  EXPECT_TRUE(IsS3ErrorBody("<Error><Code>InternalError</Code></Error>"));
  EXPECT_FALSE(IsS3ErrorBody("<CopyObjectResult/>"));
}

TEST(MessagesTest, UploadsAndDeletions) {
  EXPECT_THAT(ParseUploadId("<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                            "</InitiateMultipartUploadResult>"),
              IsOk());
  EXPECT_THAT(ParseUploadId("<InitiateMultipartUploadResult/>"),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseResultETag("<CopyObjectResult/>"), StatusIs(absl::StatusCode::kDataLoss));
  OG_ASSERT_OK_AND_ASSIGN(
      const auto failures,
      ParseDeleteResult("<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>"
                        "AccessDenied</Code></Error><Error><Key>c</Key><Code>NoSuchKey</Code>"
                        "</Error></DeleteResult>"));
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].key, "b");
  EXPECT_EQ(failures[0].error.code, "AccessDenied");
  const std::vector<std::string> keys = {"a&b", "c<d"};
  OG_ASSERT_OK_AND_ASSIGN(const XmlElement body, ParseXml(FormatDelete(keys)));
  EXPECT_EQ(body.children.at(2).TextOf("Key"), "c<d");
  const std::vector<S3Part> parts = {{"\"e1\"", ""}, {"\"e2\"", "c2hh"}};
  OG_ASSERT_OK_AND_ASSIGN(const XmlElement complete, ParseXml(FormatCompleteUpload(parts)));
  EXPECT_EQ(complete.children.at(1).TextOf("PartNumber"), "2");
  EXPECT_EQ(complete.children.at(1).TextOf("ChecksumSHA256"), "c2hh");
  EXPECT_EQ(complete.children.at(0).Find("ChecksumSHA256"), nullptr);
  EXPECT_FALSE(IsXmlText("a\x01"));
}

// ---- retries ------------------------------------------------------------------------------------

TEST(RetryTest, PausesHaveFullJitterAndACeiling) {
  const RetryPolicy policy;
  EXPECT_EQ(policy.BackoffUs(1, 0, 0), 0);
  EXPECT_EQ(policy.BackoffUs(1, 100'000, 0), 100'000);
  EXPECT_EQ(policy.BackoffUs(1, 100'001, 0), 0);
  EXPECT_EQ(policy.BackoffUs(3, 400'000, 0), 400'000);
  for (uint32_t attempt = 1; attempt < 100; ++attempt) {
    EXPECT_LE(policy.BackoffUs(attempt, UINT64_MAX - attempt, 0), policy.max_backoff_us);
  }
  EXPECT_EQ(policy.BackoffUs(50, 15'000'000, 0), 15'000'000);
  EXPECT_EQ(policy.BackoffUs(1, 5, 3'000'000), 3'000'000);
  EXPECT_EQ(policy.BackoffUs(1, 5, INT64_MAX), policy.max_retry_after_us);
}

TEST(RetryTest, SaysWhatToTryAgain) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    EXPECT_TRUE(IsRetryableAnswer(status, "")) << status;
  }
  for (const int status : {200, 301, 400, 403, 404, 409, 412, 416, 501}) {
    EXPECT_FALSE(IsRetryableAnswer(status, "")) << status;
  }
  EXPECT_TRUE(IsRetryableAnswer(409, "ConditionalRequestConflict"));
  EXPECT_TRUE(IsRetryableAnswer(400, "RequestTimeout"));
  EXPECT_TRUE(IsRetryableAnswer(200, "InternalError"));
  EXPECT_TRUE(IsThrottle(503, "SlowDown"));
  EXPECT_FALSE(IsThrottle(500, "InternalError"));
  EXPECT_EQ(ParseRetryAfter("7", 0), 7'000'000);
  EXPECT_EQ(ParseRetryAfter("Sun, 30 Aug 2015 12:36:00 GMT", 1'440'938'150'000'000), 10'000'000);
  EXPECT_EQ(ParseRetryAfter("Sun, 30 Aug 2015 12:36:00 GMT", INT64_MAX), 0);
  EXPECT_EQ(ParseRetryAfter("soon", 0), 0);
}

TEST(RetryTest, TheBudgetIsSpentAndEarned) {
  RetryBudget budget(10);
  EXPECT_TRUE(budget.Take());
  EXPECT_TRUE(budget.Take());
  EXPECT_FALSE(budget.Take());
  for (int i = 0; i < 5; ++i)
    budget.OnGoodAnswer();
  EXPECT_TRUE(budget.Take());
  EXPECT_FALSE(budget.Take());
}

}  // namespace
}  // namespace og::io
