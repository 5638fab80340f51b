using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ContinualService.Migrations.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class MergePreviews : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Versions_TaskId",
                table: "Versions");

            migrationBuilder.AddColumn<string>(
                name: "MergePreviewId",
                table: "Versions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Kind",
                table: "Tasks",
                type: "TEXT",
                nullable: false,
                defaultValue: "Training");

            migrationBuilder.CreateTable(
                name: "MergePreviews",
                columns: table => new
                {
                    Id = table.Column<string>(type: "TEXT", nullable: false),
                    AdapterId = table.Column<string>(type: "TEXT", nullable: false),
                    TaskId = table.Column<string>(type: "TEXT", nullable: false),
                    VersionNumber = table.Column<int>(type: "INTEGER", nullable: false),
                    OwnLambda = table.Column<double>(type: "REAL", nullable: false),
                    LambdasJson = table.Column<string>(type: "TEXT", nullable: false),
                    PolicyJson = table.Column<string>(type: "TEXT", nullable: false),
                    PointsJson = table.Column<string>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_MergePreviews", x => x.Id);
                    table.ForeignKey(
                        name: "FK_MergePreviews_Adapters_AdapterId",
                        column: x => x.AdapterId,
                        principalTable: "Adapters",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_MergePreviews_Tasks_TaskId",
                        column: x => x.TaskId,
                        principalTable: "Tasks",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Versions_MergePreviewId",
                table: "Versions",
                column: "MergePreviewId");

            migrationBuilder.CreateIndex(
                name: "IX_Versions_TaskId",
                table: "Versions",
                column: "TaskId",
                unique: true,
                filter: "\"MergePreviewId\" IS NULL");

            migrationBuilder.CreateIndex(
                name: "IX_MergePreviews_AdapterId_Id",
                table: "MergePreviews",
                columns: new[] { "AdapterId", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_MergePreviews_TaskId",
                table: "MergePreviews",
                column: "TaskId",
                unique: true);

            migrationBuilder.AddForeignKey(
                name: "FK_Versions_MergePreviews_MergePreviewId",
                table: "Versions",
                column: "MergePreviewId",
                principalTable: "MergePreviews",
                principalColumn: "Id",
                onDelete: ReferentialAction.Restrict);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_Versions_MergePreviews_MergePreviewId",
                table: "Versions");

            migrationBuilder.DropTable(
                name: "MergePreviews");

            migrationBuilder.DropIndex(
                name: "IX_Versions_MergePreviewId",
                table: "Versions");

            migrationBuilder.DropIndex(
                name: "IX_Versions_TaskId",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "MergePreviewId",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "Kind",
                table: "Tasks");

            migrationBuilder.CreateIndex(
                name: "IX_Versions_TaskId",
                table: "Versions",
                column: "TaskId",
                unique: true);
        }
    }
}
