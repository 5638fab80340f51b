using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ContinualService.Migrations.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class ReplaysAndUnlearnings : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Versions_TaskId",
                table: "Versions");

            migrationBuilder.AddColumn<string>(
                name: "EnvironmentJson",
                table: "Versions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Unlearned",
                table: "Versions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "UnlearningId",
                table: "Versions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "Replays",
                columns: table => new
                {
                    Id = table.Column<string>(type: "TEXT", nullable: false),
                    AdapterId = table.Column<string>(type: "TEXT", nullable: false),
                    TaskId = table.Column<string>(type: "TEXT", nullable: false),
                    VersionNumber = table.Column<int>(type: "INTEGER", nullable: false),
                    Tolerance = table.Column<double>(type: "REAL", nullable: false),
                    VersionsJson = table.Column<string>(type: "TEXT", nullable: false)
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
                    Id = table.Column<string>(type: "TEXT", nullable: false),
                    AdapterId = table.Column<string>(type: "TEXT", nullable: false),
                    TaskId = table.Column<string>(type: "TEXT", nullable: false),
                    VersionNumber = table.Column<int>(type: "INTEGER", nullable: false),
                    RemovedTaskId = table.Column<string>(type: "TEXT", nullable: false),
                    Mode = table.Column<string>(type: "TEXT", nullable: false)
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
                name: "EnvironmentJson",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "Unlearned",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "UnlearningId",
                table: "Versions");

            migrationBuilder.CreateIndex(
                name: "IX_Versions_TaskId",
                table: "Versions",
                column: "TaskId",
                unique: true,
                filter: "\"MergePreviewId\" IS NULL");
        }
    }
}
