using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ContinualService.Migrations.PostgreSql.Migrations
{
    /// <inheritdoc />
    public partial class GateReplayForecast : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Versions_TaskId",
                table: "Versions");

            migrationBuilder.AddColumn<string>(
                name: "DriftJson",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "EnvironmentJson",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "GateJson",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<long>(
                name: "OverriddenAt",
                table: "Versions",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "OverriddenBy",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "OverrideReason",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "Unlearned",
                table: "Versions",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "UnlearningId",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<long>(
                name: "PeakBytes",
                table: "Runs",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "ProcessedTokens",
                table: "Runs",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "ScoredRows",
                table: "Runs",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "ScoringSeconds",
                table: "Runs",
                type: "double precision",
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "TrainingSeconds",
                table: "Runs",
                type: "double precision",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Reason",
                table: "Audit",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "DriftJson",
                table: "Adapters",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.CreateTable(
                name: "Forecasts",
                columns: table => new
                {
                    Id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    AdapterId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    TaskId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    WaitingJson = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    ResultJson = table.Column<string>(type: "text", nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Forecasts", x => x.Id);
                    table.ForeignKey(
                        name: "FK_Forecasts_Adapters_AdapterId",
                        column: x => x.AdapterId,
                        principalTable: "Adapters",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Forecasts_Tasks_TaskId",
                        column: x => x.TaskId,
                        principalTable: "Tasks",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "Replays",
                columns: table => new
                {
                    Id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    AdapterId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    TaskId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    VersionNumber = table.Column<int>(type: "integer", nullable: false),
                    Tolerance = table.Column<double>(type: "double precision", nullable: false),
                    VersionsJson = table.Column<string>(type: "text", nullable: false, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Replays", x => x.Id);
                    table.ForeignKey(
                        name: "FK_Replays_Adapters_AdapterId",
                        column: x => x.AdapterId,
                        principalTable: "Adapters",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Replays_Tasks_TaskId",
                        column: x => x.TaskId,
                        principalTable: "Tasks",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "Unlearnings",
                columns: table => new
                {
                    Id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    AdapterId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    TaskId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    VersionNumber = table.Column<int>(type: "integer", nullable: false),
                    RemovedTaskId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    Mode = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Unlearnings", x => x.Id);
                    table.ForeignKey(
                        name: "FK_Unlearnings_Adapters_AdapterId",
                        column: x => x.AdapterId,
                        principalTable: "Adapters",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Unlearnings_Tasks_RemovedTaskId",
                        column: x => x.RemovedTaskId,
                        principalTable: "Tasks",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Unlearnings_Tasks_TaskId",
                        column: x => x.TaskId,
                        principalTable: "Tasks",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Versions_TaskId",
                table: "Versions",
                column: "TaskId",
                unique: true,
                filter: "\"MergePreviewId\" IS NULL AND \"UnlearningId\" IS NULL");

            migrationBuilder.CreateIndex(
                name: "IX_Versions_UnlearningId",
                table: "Versions",
                column: "UnlearningId");

            migrationBuilder.CreateIndex(
                name: "IX_Forecasts_AdapterId_Id",
                table: "Forecasts",
                columns: new[] { "AdapterId", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Forecasts_TaskId",
                table: "Forecasts",
                column: "TaskId",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_Replays_AdapterId_Id",
                table: "Replays",
                columns: new[] { "AdapterId", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Replays_TaskId",
                table: "Replays",
                column: "TaskId",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_Unlearnings_AdapterId_Id",
                table: "Unlearnings",
                columns: new[] { "AdapterId", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Unlearnings_RemovedTaskId",
                table: "Unlearnings",
                column: "RemovedTaskId");

            migrationBuilder.CreateIndex(
                name: "IX_Unlearnings_TaskId",
                table: "Unlearnings",
                column: "TaskId",
                unique: true);

            migrationBuilder.AddForeignKey(
                name: "FK_Versions_Unlearnings_UnlearningId",
                table: "Versions",
                column: "UnlearningId",
                principalTable: "Unlearnings",
                principalColumn: "Id",
                onDelete: ReferentialAction.Restrict);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_Versions_Unlearnings_UnlearningId",
                table: "Versions");

            migrationBuilder.DropTable(
                name: "Forecasts");

            migrationBuilder.DropTable(
                name: "Replays");

            migrationBuilder.DropTable(
                name: "Unlearnings");

            migrationBuilder.DropIndex(
                name: "IX_Versions_TaskId",
                table: "Versions");

            migrationBuilder.DropIndex(
                name: "IX_Versions_UnlearningId",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "DriftJson",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "EnvironmentJson",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "GateJson",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "OverriddenAt",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "OverriddenBy",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "OverrideReason",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "Unlearned",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "UnlearningId",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "PeakBytes",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "ProcessedTokens",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "ScoredRows",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "ScoringSeconds",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "TrainingSeconds",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "Reason",
                table: "Audit");

            migrationBuilder.DropColumn(
                name: "DriftJson",
                table: "Adapters");

            migrationBuilder.CreateIndex(
                name: "IX_Versions_TaskId",
                table: "Versions",
                column: "TaskId",
                unique: true,
                filter: "\"MergePreviewId\" IS NULL");
        }
    }
}
